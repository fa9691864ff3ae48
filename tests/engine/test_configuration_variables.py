"""
Configuration from environment variables: what a text means, and what is said about each mistake.
"""

import os
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.configuring import NO_ORIGINS, VALUES, refusal

from corsguard import Policy, PolicyError
from corsguard.configuration import Configuration

VARIABLES = {
    "CORSGUARD_ALLOW_ORIGINS": "https://a.example, https://b.example",
    "CORSGUARD_ALLOW_METHODS": "GET,PUT",
    "CORSGUARD_ALLOW_HEADERS": "Content-Type",
    "CORSGUARD_EXPOSE_HEADERS": "ETag , X-Total",
    "CORSGUARD_ALLOW_CREDENTIALS": "true",
    "CORSGUARD_MAX_AGE": "600",
    "CORSGUARD_PREFLIGHT_STATUS": "200",
    "CORSGUARD_SHARE_TIMING": "true",
    "CORSGUARD_ALLOW_UNSAFE_ORIGINS": '{"http://kiosk.example": "no TLS, until 2027"}',
}
SAID = Policy(
    allow_origins=["https://a.example", "https://b.example"],
    allow_methods=["GET", "PUT"],
    allow_headers=["Content-Type"],
    expose_headers=["ETag", "X-Total"],
    allow_credentials=True,
    max_age=600,
    preflight_status=200,
    share_timing=True,
    allow_unsafe_origins={"http://kiosk.example": "no TLS, until 2027"},
)


def test_there_is_a_variable_for_each_keyword():
    configuration = Configuration.from_variables({**VARIABLES, "PATH": "/bin", "CORSGUARDIAN": "no"})
    assert configuration.guarded.policy == SAID
    assert str(configuration) == (
        "# CORSGUARD_* variables\n"
        'allow_origins = ["https://a.example", "https://b.example"]\n'
        'allow_methods = ["GET", "PUT"]\n'
        'allow_headers = ["Content-Type"]\n'
        'expose_headers = ["ETag", "X-Total"]\n'
        "allow_credentials = true\n"
        "max_age = 600\n"
        "preflight_status = 200\n"
        "share_timing = true\n"
        'allow_unsafe_origins = { "http://kiosk.example" = "no TLS, until 2027" }'
    )


def test_variables_of_the_process_are_read_if_none_are_given(monkeypatch):
    for name in [name for name in os.environ if name.startswith("CORSGUARD_")]:
        monkeypatch.delenv(name)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert Configuration.from_variables().guarded.policy == SAID
    monkeypatch.setenv("SHOP_ALLOW_ORIGINS", "*")
    assert Configuration.from_variables(prefix="SHOP_").guarded.policy == Policy(allow_origins="*")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("allow_origins", " * ", "*"),
        ("allow_headers", "*,Authorization", ("*", "Authorization")),
        ("allow_credentials", "false", False),
        ("max_age", "0", 0),
        ("max_age", "none", None),
    ],
)
def test_a_text_is_read_as_the_type_of_its_keyword(name, text, value):
    variables = {"CORSGUARD_ALLOW_ORIGINS": "*", f"CORSGUARD_{name.upper()}": text}
    assert getattr(Configuration.from_variables(variables).guarded.policy, name) == value


MISTAKEN_VARIABLES = {
    "unset": (
        {},
        f"E101 CORSGUARD_ALLOW_ORIGINS: {NO_ORIGINS}\n    fix: CORSGUARD_ALLOW_ORIGINS=https://app.example.com",
    ),
    "empty": (
        {"ALLOW_ORIGINS": ""},
        (
            'E816 CORSGUARD_ALLOW_ORIGINS: "" is empty, or has an empty entry. Is it made from a variable '
            "that is not set?\n"
            "    fix: CORSGUARD_ALLOW_ORIGINS=https://app.example.com"
        ),
    ),
    "empty, but optional": (
        {"ALLOW_ORIGINS": "*", "MAX_AGE": " "},
        (
            'E816 CORSGUARD_MAX_AGE: " " is empty, or has an empty entry. Is it made from a variable that '
            "is not set?\n"
            "    fix: unset CORSGUARD_MAX_AGE"
        ),
    ),
    "an empty entry": (
        {"ALLOW_ORIGINS": "https://a.example,,https://b.example,"},
        (
            'E816 CORSGUARD_ALLOW_ORIGINS: "https://a.example,,https://b.example," is empty, or has an '
            "empty entry. Is it made from a variable that is not set?\n"
            "    fix: CORSGUARD_ALLOW_ORIGINS=https://a.example,https://b.example"
        ),
    ),
    "misspelled": (
        {"ALLOW_ORIGIN": "https://a.example"},
        'E817 CORSGUARD_ALLOW_ORIGIN: There is no variable "CORSGUARD_ALLOW_ORIGIN".\n    fix: CORSGUARD_ALLOW_ORIGINS',
    ),
    "under both names": (
        {"ALLOW_ORIGINS": "https://a.example", "ALLOW_ORIGIN": "https://b.example"},
        (
            'E817 CORSGUARD_ALLOW_ORIGIN: There is no variable "CORSGUARD_ALLOW_ORIGIN".\n'
            "    fix: Move its value to CORSGUARD_ALLOW_ORIGINS, and remove it."
        ),
    ),
    "a list with semicolons": (
        {"ALLOW_ORIGINS": "https://a.example;https://b.example"},
        (
            'E201 CORSGUARD_ALLOW_ORIGINS: Expected one origin, got "https://a.example;https://b.example". '
            "An origin is not empty, and has no space, comma, quotation mark or control character.\n"
            "    fix: https://a.example,https://b.example"
        ),
    ),
    "JSON for methods": (
        {"ALLOW_ORIGINS": "https://a.example", "ALLOW_METHODS": '["GET"]'},
        (
            'E401 CORSGUARD_ALLOW_METHODS: "[\\"GET\\"]" is not a method name (a token of RFC 9110).\n'
            "    fix: CORSGUARD_ALLOW_METHODS=GET"
        ),
    ),
    "similar to none": (
        {"ALLOW_ORIGINS": "*", "DEBUG": "1"},
        (
            'E817 CORSGUARD_DEBUG: There is no variable "CORSGUARD_DEBUG".\n    fix: one of CORSGUARD_ALLOW_ORIGINS, '
            "CORSGUARD_ALLOW_METHODS, CORSGUARD_ALLOW_HEADERS, CORSGUARD_EXPOSE_HEADERS, CORSGUARD_ALLOW_CREDENTIALS, "
            "CORSGUARD_MAX_AGE, CORSGUARD_PREFLIGHT_STATUS, CORSGUARD_SHARE_TIMING, CORSGUARD_ALLOW_UNSAFE_ORIGINS, "
            "CORSGUARD_PROTECTION_MODE, "
            "CORSGUARD_PROTECTION_EXEMPT, CORSGUARD_PROTECTION_METHODS"
        ),
    ),
    "paths": (
        {"ALLOW_ORIGINS": "*", "PATHS": '{"/api": {"allow_origins": "*"}}'},
        (
            'E817 CORSGUARD_PATHS: There is no variable "CORSGUARD_PATHS".\n'
            "    fix: remove it  # Variables say one policy for everything. Write paths and hosts in a file: corsguard "
            "manual configuration."
        ),
    ),
    "lower case": (
        {"allow_origins": "https://a.example"},
        (
            'E817 CORSGUARD_allow_origins: There is no variable "CORSGUARD_allow_origins".\n'
            "    fix: CORSGUARD_ALLOW_ORIGINS"
        ),
    ),
    "a wildcard as JSON": (
        {"ALLOW_ORIGINS": '["*"]'},
        (
            'E201 CORSGUARD_ALLOW_ORIGINS: Expected one origin, got "[\\"*\\"]". '
            "An origin is not empty, and has no space, comma, quotation mark or control character.\n    fix: *"
        ),
    ),
    "not a bool": (
        {"ALLOW_ORIGINS": "https://a.example", "ALLOW_CREDENTIALS": "True"},
        (
            'E701 CORSGUARD_ALLOW_CREDENTIALS: Expected a bool (true or false), got "True". No other value is '
            'converted, because the text "false" could then count as true.\n    fix: CORSGUARD_ALLOW_CREDENTIALS=true'
        ),
    ),
    "not seconds": (
        {"ALLOW_ORIGINS": "*", "MAX_AGE": "10m"},
        (
            "E702 CORSGUARD_MAX_AGE: Expected a whole number of seconds, a timedelta of whole seconds or None, got "
            '"10m".\n'
            "    fix: CORSGUARD_MAX_AGE=7200"
        ),
    ),
    "too few seconds": (
        {"ALLOW_ORIGINS": "*", "MAX_AGE": "-1"},
        (
            "E703 CORSGUARD_MAX_AGE: Expected 0 to 86400 seconds, got -1. No browser keeps an answer longer. 0 turns "
            "the preflight cache off.\n    fix: CORSGUARD_MAX_AGE=0"
        ),
    ),
    "more digits than Python reads": (
        {"ALLOW_ORIGINS": "*", "PREFLIGHT_STATUS": 5000 * "2"},
        (
            f'E704 CORSGUARD_PREFLIGHT_STATUS: Expected 204 or 200, got "{199 * "2"}....\n'
            "    fix: CORSGUARD_PREFLIGHT_STATUS=204"
        ),
    ),
    "not a JSON object": (
        {"ALLOW_ORIGINS": "https://a.example", "ALLOW_UNSAFE_ORIGINS": "http://kiosk.example"},
        (
            "E311 CORSGUARD_ALLOW_UNSAFE_ORIGINS: Expected a mapping from origin pattern to reason, got "
            '"http://kiosk.example" (a str).\n'
            '    fix: CORSGUARD_ALLOW_UNSAFE_ORIGINS=\'{"http://kiosk.example": "who needs this, and '
            "until when\"}'"
        ),
    ),
    "quotes around the text": (
        {"ALLOW_ORIGINS": '"https://a.example"'},
        (
            'E201 CORSGUARD_ALLOW_ORIGINS: Expected one origin, got "\\"https://a.example\\"". '
            "An origin is not empty, and has no space, comma, quotation mark or control character.\n"
            "    fix: https://a.example"
        ),
    ),
    "plain http with cookies": (
        {"ALLOW_ORIGINS": "http://kiosk.example", "ALLOW_CREDENTIALS": "true"},
        (
            'E302 CORSGUARD_ALLOW_ORIGINS: "http://kiosk.example" is plain http and the policy allows '
            "credentials: anyone who controls the network can put a script into that page and read the "
            "user's data.\n"
            "    fix: https://kiosk.example  # or, one origin at a time and with your reason: "
            'CORSGUARD_ALLOW_UNSAFE_ORIGINS=\'{"http://kiosk.example": "who needs this, and until when"}\''
        ),
    ),
    "several": (
        {"ALLOW_ORIGIN": "https://a.example/", "ALLOW_HEADERS": "", "MAX_AGE": "x"},
        (
            'E817 CORSGUARD_ALLOW_ORIGIN: There is no variable "CORSGUARD_ALLOW_ORIGIN".\n'
            "    fix: CORSGUARD_ALLOW_ORIGINS\n"
            'E816 CORSGUARD_ALLOW_HEADERS: "" is empty, or has an empty entry. Is it made from a variable '
            "that is not set?\n"
            "    fix: unset CORSGUARD_ALLOW_HEADERS\n"
            'E203 CORSGUARD_ALLOW_ORIGINS: "https://a.example/" has more than scheme, host and port. An '
            "origin has no trailing slash, no path and no query, so this would never match.\n"
            "    fix: https://a.example\n"
            "E702 CORSGUARD_MAX_AGE: Expected a whole number of seconds, a timedelta of whole seconds or None, got "
            '"x".\n'
            "    fix: CORSGUARD_MAX_AGE=7200"
        ),
    ),
}


@pytest.mark.parametrize(("variables", "told"), MISTAKEN_VARIABLES.values(), ids=MISTAKEN_VARIABLES.keys())
def test_a_mistake_in_variables_is_reported_with_variable_and_fix(variables, told):
    named = {f"CORSGUARD_{name}": value for name, value in variables.items()}
    assert refusal(Configuration.from_variables, named) == told


@pytest.mark.parametrize("name", MISTAKEN_VARIABLES)
def test_every_fix_can_be_pasted_into_variables(name):
    """
    If fixes are pasted one after the other, no pasteable fix is left in the end. What is left says in words what to do.
    """
    said = {f"CORSGUARD_{variable}": value for variable, value in MISTAKEN_VARIABLES[name][0].items()}
    for _ in range(30):
        try:
            Configuration.from_variables(said)
        except PolicyError as error:
            problems = error.problems
        else:
            return
        pasteable = [problem for problem in problems if problem.fix.can_be_pasted]
        if not pasteable:
            break
        text = str(replace(pasteable[0].fix, words="", otherwise=()))
        if pasteable[0].fix.policy:
            said |= dict(line.partition("=")[::2] for line in shlex.split(text))
        elif pasteable[0].fix.name:
            said[text] = said.pop(pasteable[0].value)
        else:
            field = pasteable[0].field
            said[field] = said[field].replace(pasteable[0].value, ",".join(text.splitlines()))
    assert not pasteable
    assert all(problem.fix.words for problem in problems)


def test_a_variable_in_lower_case_is_not_ignored():
    assert refusal(Configuration.from_variables, {"corsguard_allow_origins": "*"}) == (
        'E817 corsguard_allow_origins: There is no variable "corsguard_allow_origins".\n'
        "    fix: CORSGUARD_ALLOW_ORIGINS"
    )


TEXTS = st.text('a,*/:.{}"1- \x00é\ud800', max_size=9)


@given(st.dictionaries(st.sampled_from([*VARIABLES, "CORSGUARD_", "CORSGUARD_X"]), TEXTS | VALUES))
def test_all_variables_are_either_refused_or_read(variables):
    try:
        configuration = Configuration.from_variables(variables)
    except PolicyError as error:
        problems = error.problems
    else:
        problems = ()
        assert isinstance(configuration.guarded.policy, Policy)
    assert all(problem.fix and str(problem) for problem in problems)
