"""
Configuration from where teams keep it: what a file and variables say, what an environment changes, and every mistake.
"""

import os
import pickle
import re
import shlex
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from corsguard import CORSMiddleware, Policies, Policy, PolicyError, explain
from corsguard.configuration import Change, Configuration
from corsguard.fixes import as_toml, dotted

APP = "https://app.example.com"

ONE = """
allow_origins = ["https://app.example.com"]
allow_methods = ["GET", "PUT"]
allow_headers = ["Content-Type"]
allow_credentials = true

[environments.development]
allow_origins = ["http://localhost:3000"]
max_age = 0

[environments.staging]
allow_origins = ["https://staging.example.com"]
max_age = "none"

[environments.production]
"""

SEVERAL = """
[policies.app]
allow_origins = ["https://app.example.com"]
allow_methods = ["GET", "PUT"]
allow_headers = ["Content-Type"]
allow_credentials = true

[policies.partner]
extends = "app"
allow_origins = ["https://partner.example"]

[policies.open]
allow_origins = "*"

[paths]
"/api" = "app"
"/api/partner" = "partner"
"/api/open" = "open"
"/admin" = "none"

[environments.development.policies.app]
allow_origins = ["http://localhost:3000"]
allow_headers = ["content-type", "X-Debug"]

[environments.live]
production = true
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """
    A function that writes cors.toml, in the working directory, and returns its name.
    """
    monkeypatch.chdir(tmp_path)

    def write(content):
        if isinstance(content, str):
            content = content.encode()
        Path("cors.toml").write_bytes(content)
        return "cors.toml"

    return write


def refusal(read, *arguments, **keywords):
    with pytest.raises(PolicyError) as error:
        read(*arguments, **keywords)
    return str(error.value).partition("\n")[2]


# What a file says.


def test_a_file_of_one_policy_is_read_for_each_environment(file):
    written = file(ONE)
    production = Policy(
        allow_origins=[APP], allow_methods=["GET", "PUT"], allow_headers=["Content-Type"], allow_credentials=True
    )
    read = Configuration.environments_of(written)
    assert list(read) == ["development", "staging", "production"]
    for name, configuration in read.items():
        assert configuration == Configuration.from_file(Path(written), name)
        assert configuration.environment == name
        assert list(configuration.policies) == ["policy"]
    assert read["production"].policies["policy"] == production
    assert read["production"].guarded.policy is read["production"].policies["policy"]
    development = read["development"].policies["policy"]
    assert (development.allow_origins, development.max_age) == (("http://localhost:3000",), 0)
    assert development.allow_methods == ("GET", "PUT")
    assert read["staging"].policies["policy"].max_age is None


def test_a_file_of_several_policies_is_read_by_name_and_by_path(file):
    configuration = Configuration.from_file(file(SEVERAL), "live")
    app, partner = configuration.policies["app"], configuration.policies["partner"]
    assert (partner.allow_origins, partner.allow_methods) == (("https://partner.example",), ("GET", "PUT"))
    assert partner.allow_credentials is True
    guarded = configuration.guarded
    assert isinstance(guarded, Policies)
    assert guarded.policy_for("/api/x") is app
    assert guarded.policy_for("/api/partner") is partner
    assert guarded.policy_for("/admin") is None
    assert guarded.policy_for("/") == "unguarded"
    assert guarded.named == configuration.policies
    assert guarded.table.find("/api/partner/x").name == "partner"


def test_a_path_below_a_guarded_one_may_be_left_to_the_application(file):
    configuration = Configuration.from_file(file(SEVERAL.replace('"none"', '"unguarded"')), "live")
    assert configuration.paths["/admin"] == "unguarded"
    assert configuration.guarded.policy_for("/admin/x") == "unguarded"
    assert configuration.guarded.policy_for("/api") is configuration.policies["app"]
    assert '"/admin" = "unguarded"' in str(configuration)


def test_a_policy_may_stand_where_its_path_is(file):
    written = file("""
        ["paths"."/api"]
        allow_origins = ["https://app.example.com"]
        ["paths"."/api/partner"]
        extends = "/api"
        allow_methods = ["GET"]
        [environments.staging.policies."/api"]
        allow_origins = ["https://staging.example.com"]
    """)
    guarded = Configuration.from_file(written, "staging").guarded
    assert guarded.policy_for("/api") == Policy(allow_origins=["https://staging.example.com"])
    assert guarded.policy_for("/api/partner") == Policy(
        allow_origins=["https://staging.example.com"], allow_methods=["GET"]
    )


def test_policies_without_paths_are_for_views_and_guard_nothing_by_themselves(file):
    configuration = Configuration.from_file(file('[policies.app]\nallow_origins = "*"\n'))
    assert configuration.policies["app"] == Policy(allow_origins="*")
    assert refusal(CORSMiddleware, hello, configuration) == (
        "E818 cors.toml: paths: There are policies (app) and no paths, so nothing says what they guard.\n"
        '    fix: paths = { "/" = "app" }'
    )
    nothing = Configuration.from_file(file('[policies.app]\nallow_origins = "*"\n[paths]\n'))
    assert nothing.guarded.policy_for("/") == "unguarded"


def test_a_file_without_environments_has_none_to_ask_for(file):
    written = file('allow_origins = "*"')
    assert list(Configuration.environments_of(written)) == [None]
    assert Configuration.from_file(written).guarded.policy == Policy(allow_origins="*")
    assert refusal(Configuration.from_file, written, "production") == (
        'E814 cors.toml: environments: "production" is not an environment: there is none.\n    fix: None'
    )


@pytest.mark.parametrize(
    ("environment", "named", "fix"),
    [
        ("prodction", '"prodction"', '"production"'),
        ("DEVELOPMENT", '"DEVELOPMENT"', "one of development, staging, production"),
        ("", '""', "one of development, staging, production"),
        # What os.environ.get() returns for a variable that is unset.
        (None, "None", "one of development, staging, production"),
    ],
)
def test_another_environment_is_refused_with_the_names_there_are(file, environment, named, fix):
    assert refusal(Configuration.from_file, file(ONE), environment) == (
        f"E814 cors.toml: environments: {named} is not an environment: there are development, staging, production.\n"
        f"    fix: {fix}"
    )


def test_an_environment_may_give_what_the_base_lacks(file):
    written = file("[environments.development]\nallow_origins = ['http://localhost:3000']\n[environments.production]\n")
    assert refusal(Configuration.from_file, written, "development") == (
        "E101 cors.toml: environments.production.allow_origins: No origins are given, so nobody could ever read "
        'anything. There is no default.\n    fix: allow_origins = ["https://app.example.com"]'
    )


# What is changed, and shown.


def test_the_changes_of_an_environment_are_shown_and_marked_where_they_widen(file):
    assert str(Configuration.from_file(file(ONE), "development")) == (
        "# cors.toml, environment development\n"
        '# environments.development widens it: ["https://app.example.com"] -> ["http://localhost:3000"]\n'
        'allow_origins = ["http://localhost:3000"]\n'
        'allow_methods = ["GET", "PUT"]\n'
        'allow_headers = ["Content-Type"]\n'
        "allow_credentials = true\n"
        "# environments.development changes it: 7200 -> 0\n"
        "max_age = 0"
    )


def test_the_changes_of_an_extends_are_shown_and_those_that_it_passes_on(file):
    configuration = Configuration.from_file(file(SEVERAL), "development")
    assert str(configuration) == (
        "# cors.toml, environment development\n"
        "\n"
        "[policies.app]\n"
        '# environments.development.policies.app widens it: ["https://app.example.com"] -> ["http://localhost:3000"]\n'
        'allow_origins = ["http://localhost:3000"]\n'
        'allow_methods = ["GET", "PUT"]\n'
        '# environments.development.policies.app widens it: ["Content-Type"] -> ["content-type", "X-Debug"]\n'
        'allow_headers = ["content-type", "X-Debug"]\n'
        "allow_credentials = true\n"
        "\n"
        "[policies.partner]\n"
        '# extends app widens it: ["http://localhost:3000"] -> ["https://partner.example"]\n'
        'allow_origins = ["https://partner.example"]\n'
        'allow_methods = ["GET", "PUT"]\n'
        '# environments.development.policies.app widens it: ["Content-Type"] -> ["content-type", "X-Debug"]\n'
        'allow_headers = ["content-type", "X-Debug"]\n'
        "allow_credentials = true\n"
        "\n"
        "[policies.open]\n"
        'allow_origins = "*"\n'
        "\n"
        "[paths]\n"
        '"/api" = "app"\n'
        '"/api/partner" = "partner"\n'
        '"/api/open" = "open"\n'
        '"/admin" = "none"'
    )
    assert configuration.changes[-1] == Change(
        policy="partner",
        keyword="allow_headers",
        before=("Content-Type",),
        after=("content-type", "X-Debug"),
        by="environments.development.policies.app",
        widens=True,
    )


@pytest.mark.parametrize("content", [ONE, SEVERAL, '["paths"."/a b"]\nallow_origins = "*"\n[paths]\n"/c" = "/a b"'])
def test_what_is_shown_is_a_file_that_says_the_same(file, content):
    for configuration in Configuration.environments_of(file(content)).values():
        again = Configuration.from_mapping(tomllib.loads(str(configuration)))
        assert again.policies == configuration.policies
        assert again.paths == configuration.paths
        assert again.changes == ()


def test_a_change_back_to_the_default_is_shown_too():
    said = {"allow_origins": "*", "max_age": 600, "environments": {"live": {"max_age": 7200}}}
    assert str(Configuration.from_mapping(said, "live")) == (
        "# configuration, environment live\n"
        'allow_origins = "*"\n'
        "# environments.live changes it: 600 -> 7200\n"
        "max_age = 7200"
    )


def test_any_reason_is_shown_so_that_it_can_be_read_again():
    reason = 'until "2027"\\, \x7f\x00\n# élève \U0001f600'
    said = {"allow_unsafe_origins": {"http://kiosk.example": reason}, "allow_credentials": True}
    again = Configuration.from_mapping(tomllib.loads(str(Configuration.from_mapping(said))))
    assert again.guarded.policy == Policy(**said)


WIDENING = [
    ("allow_origins", [APP], ["https://other.example"], True),
    ("allow_origins", [APP], [APP, "https://other.example"], True),
    ("allow_origins", [APP, "https://other.example"], [APP], False),
    ("allow_origins", [APP], "*", True),
    ("allow_origins", "*", [APP], False),
    ("allow_origins", ["https://*.example.com"], [APP], False),
    ("allow_origins", [APP], ["https://*.example.com"], True),
    ("allow_origins", ["https://*.example.com"], ["https://pr-*.example.com"], False),
    ("allow_origins", ["https://pr-*.example.com"], ["https://*.example.com"], True),
    ("allow_origins", ["https://*.z.example.com"], ["https://*.example.com"], True),
    ("allow_origins", ["http://localhost:*"], ["http://localhost:3000", "http://localhost"], False),
    ("allow_origins", ["http://localhost:3000"], ["http://localhost:*"], True),
    ("allow_unsafe_origins", {}, {"null": "a kiosk opens files"}, True),
    ("allow_unsafe_origins", {"null": "a kiosk opens files"}, {"null": "two kiosks do"}, False),
    ("allow_methods", ["GET"], ["GET", "PUT"], True),
    ("allow_methods", ["GET", "PUT"], ["PUT"], False),
    # Fetch, "CORS-safelisted method": no preflight can refuse these.
    ("allow_methods", ["PUT"], ["GET", "HEAD", "POST", "PUT"], False),
    ("allow_methods", ["PUT"], ["put-it"], True),
    ("allow_methods", ["GET"], "*", True),
    ("allow_methods", "*", ["GET", "PUT"], False),
    ("allow_headers", ["Content-Type"], ["content-type"], False),
    ("allow_headers", ["Content-Type"], ["Content-Type", "X-One"], True),
    ("allow_headers", "*", ["X-One"], False),
    # Fetch, "CORS non-wildcard request-header name".
    ("allow_headers", "*", ["Authorization"], True),
    ("allow_headers", "*", ["*", "Authorization"], True),
    ("allow_headers", ["*", "Authorization"], ["Authorization", "X-One"], False),
    ("expose_headers", [], ["ETag"], True),
    ("expose_headers", ["etag"], ["ETag"], False),
    ("expose_headers", "*", ["Authorization"], False),
    ("allow_credentials", False, True, True),
    ("allow_credentials", True, False, False),
    ("max_age", 60, 600, False),
    ("preflight_status", 204, 200, False),
]


@pytest.mark.parametrize(("keyword", "before", "after", "widens"), WIDENING, ids=map(str, WIDENING))
def test_a_change_widens_if_it_covers_what_was_not_covered(keyword, before, after, widens):
    base = {"allow_origins": [APP], keyword: before}
    changed = {keyword: after}
    (change,) = Configuration.from_mapping({**base, "environments": {"next": changed}}, "next").changes
    frozen = [tuple(value) if isinstance(value, list) else value for value in (before, after)]
    assert change == Change("policy", keyword, *frozen, "environments.next", widens)
    policies = {"first": base, "second": {"extends": "first", **changed}}
    (change,) = Configuration.from_mapping({"policies": policies}).changes
    assert change == Change("second", keyword, *frozen, "extends first", widens)


def test_an_origin_that_moves_behind_the_dangerous_door_widens_nothing():
    base = {"allow_origins": ["http://kiosk.example"]}
    live = {
        "allow_origins": [],
        "allow_unsafe_origins": {"http://kiosk.example": "no TLS, OPS-12"},
        "allow_credentials": True,
    }
    changes = Configuration.from_mapping({**base, "environments": {"live": live}}, "live").changes
    assert [(change.keyword, change.widens) for change in changes] == [
        ("allow_origins", False),
        ("allow_credentials", True),
        ("allow_unsafe_origins", False),
    ]


def test_what_only_python_can_say_is_compared_too():
    source = type("Source", (), {"__contains__": lambda self, origin: False})()
    base = {"allow_origins": {APP, "https://b.example"}, "max_age": timedelta(seconds=60)}
    changed = {"allow_origins": source, "max_age": 60}
    configuration = Configuration.from_mapping({**base, "environments": {"next": changed}}, "next")
    assert [(change.keyword, change.widens) for change in configuration.changes] == [
        ("allow_origins", True),
        ("max_age", False),
    ]
    assert configuration.changes[0].before == (APP, "https://b.example")
    assert configuration.guarded.policy.may_block
    assert "# environments.next changes it: 0:01:00 -> 60" in str(configuration)


# Mistakes, each in full.

NO_ORIGINS = "No origins are given, so nobody could ever read anything. There is no default."

MISTAKES = {
    "nothing": (
        "",
        f'E101 cors.toml: allow_origins: {NO_ORIGINS}\n    fix: allow_origins = ["https://app.example.com"]',
    ),
    "a colon": (
        'allow_credentials = true\nallow_origins: ["https://app.example.com"]',
        (
            "E811 cors.toml: \"cors.toml\" cannot be read: it is not TOML: Expected '=' after a key in a "
            "key/value pair "
            '(line 2, column 14).\n    fix: allow_origins = ["https://app.example.com"]  # a key, `=` and a '
            "value; quote a "
            'key such as "/api"'
        ),
    ),
    "a list without an end": (
        'allow_origins = [\n  "https://app.example.com"',
        (
            'E811 cors.toml: "cors.toml" cannot be read: it is not TOML: Unclosed array (line 2, column 28).\n'
            '    fix: allow_origins = ["https://app.example.com"]  # a key, `=` and a value; quote a key such as "/api"'
        ),
    ),
    "a byte order mark": (
        b'\xef\xbb\xbfallow_origins = "*"',
        (
            'E811 cors.toml: "cors.toml" cannot be read: it begins with a byte order mark (line 1, column 1).\n'
            "    fix: save it as UTF-8 without a mark"
        ),
    ),
    "UTF-16": (
        'allow_origins = "*"'.encode("utf-16"),
        (
            'E811 cors.toml: "cors.toml" cannot be read: it begins with a byte order mark (line 1, column 1).\n'
            "    fix: save it as UTF-8 without a mark"
        ),
    ),
    "Latin-1": (
        b'allow_origins = "*"\n# \xe9l\xe8ve',
        'E811 cors.toml: "cors.toml" cannot be read: it is not UTF-8 (line 2, column 3).\n    fix: save it as UTF-8',
    ),
    "a number without an end": (
        "max_age = " + 5000 * "9",
        (
            'E811 cors.toml: "cors.toml" cannot be read: it has a number too long, or tables too deep, to be read.\n'
            "    fix: take it out"
        ),
    ),
    "lists without a bottom": (
        "max_age = " + 5000 * "[",
        (
            'E811 cors.toml: "cors.toml" cannot be read: it has a number too long, or tables too deep, to be read.\n'
            "    fix: take it out"
        ),
    ),
    "a keyword, misspelled": (
        'allow_origin = ["https://app.example.com"]',
        'E106 cors.toml: allow_origin: A policy has no keyword "allow_origin".\n    fix: allow_origins',
    ),
    "a keyword, misspelled in an environment": (
        'allow_origins = "*"\n[environments.staging]\nallow_method = ["PUT"]',
        (
            'E106 cors.toml: environments.staging.allow_method: A policy has no keyword "allow_method".\n'
            "    fix: allow_methods"
        ),
    ),
    "a table, misspelled": (
        'allow_origins = "*"\n[enviroments.staging]\nmax_age = 0',
        ('E812 cors.toml: enviroments: "enviroments" is not a known key here.\n    fix: environments'),
    ),
    "extends, misspelled": (
        '[policies.a]\nallow_origins = "*"\n[policies.b]\nextend = "a"',
        ('E812 cors.toml: policies.b.extend: "extend" is not a known key here.\n    fix: extends'),
    ),
    "production, misspelled": (
        'allow_origins = "*"\n[environments.live]\nproductive = true',
        ('E812 cors.toml: environments.live.productive: "productive" is not a known key here.\n    fix: production'),
    ),
    "a policy, one level too high": (
        '[policies.app]\nallow_origins = "*"\n[environments.staging.app]\nmax_age = 0',
        ('E812 cors.toml: environments.staging.app: "app" is not a known key here.\n    fix: policies.app'),
    ),
    "a keyword of no policy": (
        '[policies.app]\nallow_origins = "*"\n[environments.staging]\nmax_age = 0',
        (
            'E812 cors.toml: environments.staging.max_age: "max_age" is not a known key here.\n'
            "    fix: policies.app.max_age"
        ),
    ),
    "a keyword beside policies": (
        'max_age = 0\n[policies.app]\nallow_origins = "*"',
        ('E812 cors.toml: max_age: "max_age" is not a known key here.\n    fix: policies.app.max_age'),
    ),
    "a key unlike any": (
        '[policies.app]\nallow_origins = "*"\n[environments.staging]\ndebug = true',
        (
            'E812 cors.toml: environments.staging.debug: "debug" is not a known key here.\n'
            "    fix: one of policies, production"
        ),
    ),
    "a base that is wrong under one environment, and what an heir has from it": (
        (
            '[policies.a]\nallow_origins = "*"\n[policies.b]\nextends = "a"\n'
            "[environments.live.policies.a]\nallow_credentials = true"
        ),
        (
            'E301 cors.toml: policies.a.allow_origins: "*" cannot be used together with '
            "allow_credentials=True: browsers refuse the pair, and any way around it hands the data of "
            "logged-in users to every site. (In the environment live.)\n"
            '    fix: allow_origins = ["https://app.example.com"]'
        ),
    ),
    "what an heir has from a base that is wrong under one environment": (
        (
            '[policies.a]\nallow_origins = "*"\n[policies.b]\nextends = "a"\n[environments.dev]\n'
            "[environments.live.policies.b]\nallow_credentials = true"
        ),
        (
            'E301 cors.toml: policies.a.allow_origins: "*" cannot be used together with '
            "allow_credentials=True: browsers refuse the pair, and any way around it hands the data of "
            "logged-in users to every site. (In the environment live.)\n"
            '    fix: allow_origins = ["https://app.example.com"]'
        ),
    ),
    "an environment within an environment": (
        'allow_origins = "*"\n[environments.eu.live]\nmax_age = 0',
        (
            'E106 cors.toml: environments.eu.live: A policy has no keyword "live".\n'
            "    fix: one of allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age, "
            "preflight_status, allow_unsafe_origins"
        ),
    ),
    "an extends in an environment": (
        '[policies.a]\nallow_origins = "*"\n[environments.live.policies.a]\nextends = "a"',
        (
            'E106 cors.toml: environments.live.policies.a.extends: A policy has no keyword "extends".\n    fix: one of '
            "allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age, "
            "preflight_status, "
            "allow_unsafe_origins"
        ),
    ),
    "a list of policies": (
        'policies = ["app"]',
        (
            'E813 cors.toml: policies: Expected a table of keys and values, got ["app"] (a list).\n'
            '    fix: { app = { allow_origins = ["https://app.example.com"] } }'
        ),
    ),
    "an environment that is no table": (
        'allow_origins = "*"\nenvironments = { production = "the same" }',
        (
            'E813 cors.toml: environments.production: Expected a table of keys and values, got "the same" '
            "(a str).\n"
            '    fix: { allow_origins = ["https://app.example.com"] }'
        ),
    ),
    "production that is no bool": (
        'allow_origins = "*"\n[environments.live]\nproduction = "yes"',
        ('E813 cors.toml: environments.live.production: Expected true or false, got "yes" (a str).\n    fix: true'),
    ),
    "a policy that is called none": (
        '[policies.none]\nallow_origins = "*"',
        (
            'E813 cors.toml: policies: Expected a name (not empty, not "none" or "unguarded", no / at its '
            'beginning), got "none" (a str).\n'
            '    fix: "app"'
        ),
    ),
    "a policy that is called by a path": (
        '[policies."/api"]\nallow_origins = "*"',
        (
            'E813 cors.toml: policies: Expected a name (not empty, not "none" or "unguarded", no / at its '
            'beginning), got "/api" (a str).\n'
            '    fix: "app"'
        ),
    ),
    "a path that is false": (
        '[policies.app]\nallow_origins = "*"\n[paths]\n"/admin" = false',
        (
            'E813 cors.toml: paths."/admin": Expected the name of a policy, a table of its keywords, '
            '"none" or "unguarded", got False (a bool).\n'
            '    fix: "none"'
        ),
    ),
    "a path to nowhere": (
        '[policies.app]\nallow_origins = "*"\n[policies.open]\nallow_origins = "*"\n[paths]\n"/api" = "ap"',
        'E814 cors.toml: paths."/api": "ap" is not a policy: there are app, open.\n    fix: "app"',
    ),
    "an environment of a policy that is not there": (
        '[policies.app]\nallow_origins = "*"\n[environments.live.policies.blog]\nmax_age = 0',
        'E814 cors.toml: environments.live.policies.blog: "blog" is not a policy: there is app.\n    fix: one of app',
    ),
    "no path": (
        '[policies.app]\nallow_origins = "*"\n[paths]\n"/api/*" = "app"',
        (
            'E802 cors.toml: paths."/api/*": "/api/*" is not a path prefix: it begins with `/`, does not end '
            "with one, and "
            "has no `.` or `..`, no empty segment, and no wildcards, converters, percent-encoding or regular "
            "expressions. "
            'It covers everything below it.\n    fix: "/api"'
        ),
    ),
    "an heir of nobody": (
        '[policies.a]\nextends = "b"',
        'E814 cors.toml: policies.a.extends: "b" is not a policy: there is a.\n    fix: one of a',
    ),
    "an heir of two": (
        '[policies.a]\nextends = ["b", "c"]',
        ('E813 cors.toml: policies.a.extends: Expected the name of a policy, got ["b", "c"] (a list).\n    fix: "app"'),
    ),
    "an heir of itself": (
        '[policies.a]\nextends = "a"',
        'E815 cors.toml: policies.a.extends: "a" extends itself: a -> a.\n    fix: take extends out of a',
    ),
    "heirs of each other": (
        '[policies.a]\nextends = "b"\n[policies.b]\nextends = "c"\n[policies.c]\nextends = "b"',
        'E815 cors.toml: policies.b.extends: "b" extends itself: b -> c -> b.\n    fix: take extends out of b',
    ),
    "two circles, and who hangs on one of them": (
        (
            '[policies.a]\nextends = "d"\n[policies.b]\nextends = "b"\n'
            '[policies.c]\nextends = "d"\n[policies.d]\nextends = "c"'
        ),
        (
            'E815 cors.toml: policies.b.extends: "b" extends itself: b -> b.\n    fix: take extends out of b\n'
            'E815 cors.toml: policies.c.extends: "c" extends itself: c -> d -> c.\n    fix: take extends out of c'
        ),
    ),
    "a string for a list": (
        'allow_origins = "https://app.example.com"',
        (
            "E102 cors.toml: allow_origins: Expected a list of strings, got the string "
            '"https://app.example.com". Python would read it letter by letter.\n'
            '    fix: allow_origins = ["https://app.example.com"]'
        ),
    ),
    "a string for a bool": (
        'allow_origins = ["https://app.example.com"]\nallow_credentials = "yes"',
        (
            'E701 cors.toml: allow_credentials: "yes" is not a bool. Python takes any text that is not '
            'empty for true, even "false".\n'
            "    fix: allow_credentials = true"
        ),
    ),
    "a date for an age": (
        'allow_origins = "*"\nmax_age = 2027-01-01',
        (
            "E702 cors.toml: max_age: datetime.date(2027, 1, 1) is not a whole number of seconds, a timedelta of whole "
            "seconds or None.\n    fix: max_age = 7200"
        ),
    ),
    "plain http with cookies": (
        'allow_origins = ["http://kiosk.example"]\nallow_credentials = true',
        (
            'E302 cors.toml: allow_origins: "http://kiosk.example" is plain http and the policy allows '
            "credentials: anyone who controls the network can put a script into that page and read the "
            "user's data.\n"
            '    fix: "https://kiosk.example"  # or, one origin at a time and with your reason: '
            'allow_unsafe_origins = { "http://kiosk.example" = "who needs this, and until when" }'
        ),
    ),
    "the dangerous door beside everyone": (
        'allow_origins = "*"\nallow_unsafe_origins = { "null" = "a kiosk" }',
        (
            "E314 cors.toml: allow_unsafe_origins: allow_unsafe_origins has no effect together with "
            'allow_origins="*", which shares with everyone.\n'
            '    fix: allow_origins = "*"\n'
            "allow_unsafe_origins = {}"
        ),
    ),
    "a base that is wrong, said once": (
        'allow_origins = ["https://App.example.com"]\n[environments.a]\n[environments.b]\nmax_age = 0',
        (
            'E204 cors.toml: allow_origins: "https://App.example.com" has upper-case letters. Browsers send origins in '
            "lower case and the comparison is exact, so this would never match.\n"
            '    fix: "https://app.example.com"'
        ),
    ),
    "a base that is wrong, said at the policy that says it": (
        '[policies.a]\nallow_origins = "*"\nmax_age = -1\n[policies.b]\nextends = "a"\nallow_methods = ["GET"]',
        (
            "E703 cors.toml: policies.a.max_age: -1 is not between 0 and 86400 seconds, the most that any "
            "browser honours; "
            "0 turns the preflight cache off.\n    fix: max_age = 0"
        ),
    ),
    "a base that is wrong under one environment": (
        'allow_origins = "*"\n[environments.dev]\n[environments.live]\nallow_credentials = true',
        (
            'E301 cors.toml: allow_origins: "*" cannot be used together with allow_credentials=True: '
            "browsers refuse the pair, and any way around it hands the data of logged-in users to every "
            "site. (In the environment live.)\n"
            '    fix: allow_origins = ["https://app.example.com"]'
        ),
    ),
    "everything at once": (
        (
            '[policies.a]\nallow_origins = ["app.example.com"]\n[policies.b]\nextends = "z"\nmax_age = "10m"\n'
            '[path]\n"/api/" = "a"\n[environments.live.policies.a]\nallow_credentials = 1'
        ),
        (
            'E812 cors.toml: path: "path" is not a known key here.\n'
            "    fix: paths\n"
            'E802 cors.toml: paths."/api/": "/api/" is not a path prefix: it begins with `/`, does not end '
            "with one, and has no `.` or `..`, no empty segment, and no wildcards, converters, "
            "percent-encoding or regular expressions. It covers everything below it.\n"
            '    fix: "/api"\n'
            'E814 cors.toml: policies.b.extends: "z" is not a policy: there are a, b.\n'
            "    fix: one of a, b\n"
            'E202 cors.toml: policies.a.allow_origins: "app.example.com" does not begin with a scheme in '
            "lower case and `://`. Every origin that a browser sends does.\n"
            '    fix: "https://app.example.com"\n'
            'E702 cors.toml: policies.b.max_age: "10m" is not a whole number of seconds, a timedelta of '
            "whole seconds or None.\n"
            "    fix: max_age = 7200\n"
            "E701 cors.toml: environments.live.policies.a.allow_credentials: 1 is not a bool. Python takes "
            'any text that is not empty for true, even "false".\n'
            "    fix: allow_credentials = true"
        ),
    ),
}


def is_toml(content):
    with suppress(ValueError, TypeError, RecursionError):
        return bool(tomllib.loads(content))
    return False


@pytest.mark.parametrize(("content", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_a_file_is_told_with_file_key_and_fix(file, content, told):
    written = file(content)
    assert refusal(Configuration.from_file, written) == told
    # Whichever environment is asked for, and whether one is.
    assert refusal(Configuration.from_file, written, "live") == told
    assert refusal(Configuration.environments_of, written) == told


# Chains of `extends`.


def chain_of(length):
    """
    Return policies of which each extends the next one, so that the last one must be read first.
    """
    said = {f"p{at}": {"extends": f"p{at + 1}", "max_age": at % 7200} for at in range(length - 1)}
    return {"policies": said | {f"p{length - 1}": {"allow_origins": [APP]}}}


def timed(function, *arguments):
    """
    Return what *function* returns, and how long this process computed, whatever else the machine did.
    """
    start = time.process_time()
    returned = function(*arguments)
    return returned, time.process_time() - start


def test_ten_thousand_policies_that_extend_each_other_are_read_in_linear_time():
    short, long = (chain_of(length) | {"environments": {"production": {}}} for length in (1_000, 10_000))
    few, once = min((timed(Configuration.from_mapping, short, "production") for _ in range(3)), key=lambda run: run[1])
    many, reading = timed(Configuration.from_mapping, long, "production")
    assert many.policies["p0"] == Policy(allow_origins=[APP], max_age=0)
    assert many.policies["p9998"].max_age == 9998 % 7200
    # Ten times as many policies; if each read all that it hangs on, it would be a hundred times the work.
    assert reading < 35 * once
    assert timed(str, many)[1] < 35 * min(timed(str, few)[1] for _ in range(3))


def test_what_is_wrong_at_the_end_of_a_long_chain_is_told_once():
    said = chain_of(2_000)
    said["policies"]["p1999"] = {"allow_origins": [APP], "max_aeg": 60}
    assert refusal(Configuration.from_mapping, said) == (
        'E106 policies.p1999.max_aeg: A policy has no keyword "max_aeg".\n    fix: max_age'
    )
    said["policies"]["p1999"] = {"extends": "p2000"}
    with pytest.raises(PolicyError) as refused:
        Configuration.from_mapping(said)
    assert [(problem.code, problem.field) for problem in refused.value.problems] == [("E814", "policies.p1999.extends")]
    said["policies"]["p1999"] = {"extends": "p0"}
    with pytest.raises(PolicyError) as refused:
        Configuration.from_mapping(said)
    assert [(problem.code, problem.field) for problem in refused.value.problems] == [("E815", "policies.p0.extends")]


def test_a_file_that_is_not_there_is_told_with_where_it_was_looked_for(file, tmp_path):
    file("")
    told = f'E811 cros.toml: "cros.toml" cannot be read: No such file or directory in {tmp_path}.\n'
    fix = '    fix: Path(__file__).with_name("cors.toml")'
    assert refusal(Configuration.from_file, "cros.toml") == told + fix
    there = str(tmp_path)
    assert refusal(Configuration.from_file, there) == (
        f'E811 {there}: "{there}" cannot be read: Is a directory.\n{fix}'
    )
    assert "null byte" in refusal(Configuration.from_file, "cors\0.toml")


def pasted(said, problem):
    """
    Return what a file *said*, with the fix of *problem*, as it is written in TOML, pasted where it belongs.
    """
    fix, (*outer, key) = problem.fix, problem.place
    text = str(replace(fix, words="", otherwise=None))
    table = said = deepcopy(said)
    for name in outer:
        table = table[name]
    if fix.policy:
        table |= tomllib.loads(text)
    elif fix.name:
        value, (*path, name) = table.pop(problem.value, None), text.split(".")
        for part in path:
            table = table.setdefault(part, {})
        table[name] = value
    else:
        entries = [tomllib.loads(f"entry = {line}")["entry"] for line in text.splitlines()]
        there = table.get(key)
        if problem.code == "E802":
            table[entries[0]] = table.pop(key)
        elif isinstance(there, list) and problem.value in there:
            table[key] = [new for old in there for new in (entries if old == problem.value else [old])]
        elif isinstance(there, dict) and problem.value in there:
            table[key] = {new: there[old] for old in there for new in (entries if old == problem.value else [old])}
        else:
            table[key] = entries[0]
    return said


@pytest.mark.parametrize("name", [name for name, (content, _) in MISTAKES.items() if is_toml(content)])
def test_every_fix_can_be_pasted_into_the_file(file, name):
    """
    Pasted one after the other, the fixes come to an end; what is left says in words what to do.
    """
    said = tomllib.loads(MISTAKES[name][0])
    for _ in range(30):
        problems = problems_in(said)
        pasteable = [problem for problem in problems if problem.fix.can_be_pasted]
        if not pasteable:
            break
        said = pasted(said, pasteable[0])
    assert not pasteable
    assert all(problem.fix.words for problem in problems)


def problems_in(said):
    try:
        Configuration.environments_of(written(said))
    except PolicyError as error:
        return error.problems
    return ()


def written(said):
    Path("cors.toml").write_text("\n".join(f"{dotted([key])} = {as_toml(value)}" for key, value in said.items()))
    return "cors.toml"


def test_a_mapping_is_told_of_in_the_words_of_python():
    said = {"policies": {"app": {"allow_origins": APP, "allow_credentials": "yes"}}, "environments": {5: {}}}
    assert refusal(Configuration.from_mapping, said) == (
        'E813 environments: Expected a name (not empty, not "none" or "unguarded", no / at its '
        "beginning), got 5 (an int).\n"
        '    fix: "app"\n'
        "E102 policies.app.allow_origins: Expected a list of strings, got the string "
        '"https://app.example.com". Python would read it letter by letter.\n'
        '    fix: allow_origins=["https://app.example.com"]\n'
        'E701 policies.app.allow_credentials: "yes" is not a bool. Python takes any text that is not '
        'empty for true, even "false".\n'
        "    fix: allow_credentials=True"
    )
    assert refusal(Configuration.from_mapping, ["https://app.example.com"]) == (
        'E813 : Expected a table of keys and values, got ["https://app.example.com"] (a list).\n'
        '    fix: {"allow_origins": ["https://app.example.com"]}\n'
        f'E101 allow_origins: {NO_ORIGINS}\n    fix: allow_origins=["https://app.example.com"]'
    )


KEYS = st.sampled_from(
    """
    policies paths environments extends production none app live /api / allow_origins allow_methods allow_headers
    allow_credentials max_age allow_unsafe_origins preflight_status allow_origin policy path
    """.split()
) | st.text("az/._- \x00\x7fé\ud800", max_size=3)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | KEYS
    | st.sampled_from(["*", "null", APP, "http://localhost:*", "GET", "https://*.github.io"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5) | VALUES, KEYS | st.none())
def test_whatever_is_said_is_refused_or_can_be_shown(said, environment):
    try:
        configuration = Configuration.from_mapping(said, environment)
    except PolicyError as error:
        problems = error.problems
    else:
        problems = ()
        again = Configuration.from_mapping(tomllib.loads(str(configuration)))
        assert again.policies == configuration.policies
    assert all(problem.fix and str(problem) for problem in problems)


# Environment variables.

VARIABLES = {
    "CORSGUARD_ALLOW_ORIGINS": "https://a.example, https://b.example",
    "CORSGUARD_ALLOW_METHODS": "GET,PUT",
    "CORSGUARD_ALLOW_HEADERS": "Content-Type",
    "CORSGUARD_EXPOSE_HEADERS": "ETag , X-Total",
    "CORSGUARD_ALLOW_CREDENTIALS": "true",
    "CORSGUARD_MAX_AGE": "600",
    "CORSGUARD_PREFLIGHT_STATUS": "200",
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
        'allow_unsafe_origins = { "http://kiosk.example" = "no TLS, until 2027" }'
    )


def test_the_variables_of_the_process_are_read_if_none_are_given(monkeypatch):
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
def test_a_text_means_what_its_keyword_makes_of_it(name, text, value):
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
    "empty, and could be left out": (
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
    "unlike any": (
        {"ALLOW_ORIGINS": "*", "DEBUG": "1"},
        (
            'E817 CORSGUARD_DEBUG: There is no variable "CORSGUARD_DEBUG".\n    fix: one of CORSGUARD_ALLOW_ORIGINS, '
            "CORSGUARD_ALLOW_METHODS, CORSGUARD_ALLOW_HEADERS, CORSGUARD_EXPOSE_HEADERS, CORSGUARD_ALLOW_CREDENTIALS, "
            "CORSGUARD_MAX_AGE, CORSGUARD_PREFLIGHT_STATUS, CORSGUARD_ALLOW_UNSAFE_ORIGINS"
        ),
    ),
    "lower case": (
        {"allow_origins": "https://a.example"},
        (
            'E817 CORSGUARD_allow_origins: There is no variable "CORSGUARD_allow_origins".\n'
            "    fix: CORSGUARD_ALLOW_ORIGINS"
        ),
    ),
    "no bool": (
        {"ALLOW_ORIGINS": "https://a.example", "ALLOW_CREDENTIALS": "True"},
        (
            'E701 CORSGUARD_ALLOW_CREDENTIALS: "True" is not a bool. Python takes any text that is not '
            'empty for true, even "false".\n'
            "    fix: CORSGUARD_ALLOW_CREDENTIALS=true"
        ),
    ),
    "no seconds": (
        {"ALLOW_ORIGINS": "*", "MAX_AGE": "10m"},
        (
            'E702 CORSGUARD_MAX_AGE: "10m" is not a whole number of seconds, a timedelta of whole seconds or None.\n'
            "    fix: CORSGUARD_MAX_AGE=7200"
        ),
    ),
    "too few seconds": (
        {"ALLOW_ORIGINS": "*", "MAX_AGE": "-1"},
        (
            "E703 CORSGUARD_MAX_AGE: -1 is not between 0 and 86400 seconds, the most that any browser honours; 0 "
            "turns the "
            "preflight cache off.\n"
            "    fix: CORSGUARD_MAX_AGE=0"
        ),
    ),
    "more digits than Python reads": (
        {"ALLOW_ORIGINS": "*", "PREFLIGHT_STATUS": 5000 * "2"},
        (
            f'E704 CORSGUARD_PREFLIGHT_STATUS: "{199 * "2"}... is neither 204 nor 200.\n'
            "    fix: CORSGUARD_PREFLIGHT_STATUS=204"
        ),
    ),
    "no object of JSON": (
        {"ALLOW_ORIGINS": "https://a.example", "ALLOW_UNSAFE_ORIGINS": "http://kiosk.example"},
        (
            "E311 CORSGUARD_ALLOW_UNSAFE_ORIGINS: Expected a mapping from origin pattern to reason, got "
            '"http://kiosk.example" (a str).\n'
            '    fix: CORSGUARD_ALLOW_UNSAFE_ORIGINS=\'{"http://kiosk.corp.example": "who needs this, and '
            "until when\"}'"
        ),
    ),
    "quotes that came along": (
        {"ALLOW_ORIGINS": '"https://a.example"'},
        (
            'E201 CORSGUARD_ALLOW_ORIGINS: "\\"https://a.example\\"" has a space, a comma, a quotation mark or a '
            "control "
            "character, or is empty; each origin is an entry of its own (is a comma missing?).\n"
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
            'E702 CORSGUARD_MAX_AGE: "x" is not a whole number of seconds, a timedelta of whole seconds or None.\n'
            "    fix: CORSGUARD_MAX_AGE=7200"
        ),
    ),
}


@pytest.mark.parametrize(("variables", "told"), MISTAKEN_VARIABLES.values(), ids=MISTAKEN_VARIABLES.keys())
def test_a_mistake_in_variables_is_told_with_variable_and_fix(variables, told):
    named = {f"CORSGUARD_{name}": value for name, value in variables.items()}
    assert refusal(Configuration.from_variables, named) == told


@pytest.mark.parametrize("name", MISTAKEN_VARIABLES)
def test_every_fix_can_be_pasted_into_variables(name):
    """
    Pasted one after the other, the fixes come to an end; what is left says in words what to do.
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
        text = str(replace(pasteable[0].fix, words="", otherwise=None))
        if pasteable[0].fix.policy:
            said |= dict(line.partition("=")[::2] for line in shlex.split(text))
        elif pasteable[0].fix.name:
            said[text] = said.pop(pasteable[0].value)
        else:
            field = pasteable[0].field
            said[field] = said[field].replace(pasteable[0].value, ",".join(text.splitlines()))
    assert not pasteable
    assert all(problem.fix.words for problem in problems)


def test_a_variable_in_lower_case_is_not_passed_over():
    assert refusal(Configuration.from_variables, {"corsguard_allow_origins": "*"}) == (
        'E817 corsguard_allow_origins: There is no variable "corsguard_allow_origins".\n'
        "    fix: CORSGUARD_ALLOW_ORIGINS"
    )


TEXTS = st.text('a,*/:.{}"1- \x00é\ud800', max_size=9)


@given(st.dictionaries(st.sampled_from([*VARIABLES, "CORSGUARD_", "CORSGUARD_X"]), TEXTS | VALUES))
def test_whatever_variables_say_is_refused_or_read(variables):
    try:
        configuration = Configuration.from_variables(variables)
    except PolicyError as error:
        problems = error.problems
    else:
        problems = ()
        assert isinstance(configuration.guarded.policy, Policy)
    assert all(problem.fix and str(problem) for problem in problems)


# Production.


def warned(said, environment="production", name="policy"):
    return [str(warning) for warning in Configuration.from_mapping(said, environment).policies[name].warnings]


def test_production_that_allows_a_development_origin_is_warned_of():
    said = {"allow_origins": [APP, "http://localhost:3000"], "environments": {"production": {}, "staging": {}}}
    assert warned(said) == [
        (
            'W401 allow_origins: "http://localhost:3000" is a development origin, in production: any program on '
            "a user's "
            'machine can listen there.\n    fix: allow_origins=["https://app.example.com"]'
        )
    ]
    assert [line.partition(":")[0] for line in warned(said, "staging")] == ["W104 allow_origins"]
    alone = {"allow_origins": ["https://127.0.0.1:3000"], "environments": {"production": {}, "staging": {}}}
    assert [line.partition(" ")[0] for line in warned(alone)] == ["W401"]
    assert warned(alone, "staging") == []


def test_production_that_allows_plain_http_is_warned_of():
    said = {
        "allow_origins": ["http://app.example.com"],
        "environments": {
            "production": {},
            "prod-eu": {
                "allow_origins": [],
                "allow_unsafe_origins": {
                    "http://app.example.com": "no TLS, OPS-12",
                    "https://*.github.io": "previews, until 2027",
                },
                "allow_credentials": True,
            },
        },
    }
    told = "is plain http, in production: anyone who controls the network can read along and act as that page."
    assert warned(said) == [
        f'W402 allow_origins: "http://app.example.com" {told}\n    fix: "https://app.example.com"',
    ]
    assert warned(said, "prod-eu") == [
        (
            f'W402 environments.prod-eu.allow_unsafe_origins: "http://app.example.com" {told} It is accepted because: '
            '"no TLS, OPS-12".\n    fix: "https://app.example.com"'
        ),
    ]


def test_production_that_shares_with_everyone_beside_cookies_is_warned_of():
    policies = {"open": {"allow_origins": "*"}, "app": {"allow_origins": [APP], "allow_credentials": True}}
    said = {"policies": policies, "environments": {"production": {}}}
    assert warned(said, name="app") == []
    assert warned(said, name="open") == [
        (
            'W403 policies.open.allow_origins: "*" shares with every site, in production, next to what is '
            'shared with cookies ("app"). Are these responses the same for everyone who asks?\n'
            '    fix: allow_origins=["https://app.example.com"]'
        )
    ]
    assert warned({"allow_origins": "*", "environments": {"production": {}}}) == []


@pytest.mark.parametrize(
    ("name", "said", "is_production"),
    [
        ("production", {}, True),
        ("prod", {}, True),
        ("PROD-eu", {}, True),
        ("live", {}, False),
        ("live", {"production": True}, True),
        ("product-demo", {"production": False}, False),
        ("preprod", {}, False),
    ],
)
def test_production_is_what_begins_with_prod_or_says_so(name, said, is_production):
    configuration = Configuration.from_mapping({"allow_origins": "*", "environments": {name: said}}, name)
    assert configuration.is_production is is_production


def test_a_warning_names_file_and_key_and_has_a_fix_of_the_file(file):
    written = file("""
        allow_origins = ["https://app.example.com"]
        allow_methods = ["GET", "PUT"]
        [environments.development]
        allow_origins = ["http://localhost:*"]
        allow_credentials = true
    """)
    configuration = Configuration.from_file(written, "development")
    assert configuration.warnings == configuration.guarded.policy.warnings
    assert [str(warning) for warning in configuration.warnings] == [
        (
            'W102 cors.toml: environments.development.allow_origins: "http://localhost:*" covers any port '
            "of that host, and trusts every program that listens there with the user's credentials.\n"
            '    fix: "http://localhost"'
        ),
        (
            'W202 cors.toml: environments.development.allow_headers: "PUT" may carry a body, but Content-Type is '
            "not among "
            'the allowed headers, so pages cannot send JSON.\n    fix: allow_headers = ["Content-Type"]'
        ),
    ]
    variables = {"CORSGUARD_ALLOW_ORIGINS": "*", "CORSGUARD_ALLOW_METHODS": "PUT"}
    assert [str(warning) for warning in Configuration.from_variables(variables).warnings] == [
        (
            'W202 CORSGUARD_ALLOW_HEADERS: "PUT" may carry a body, but Content-Type is not among the allowed '
            "headers, so "
            "pages cannot send JSON.\n    fix: CORSGUARD_ALLOW_HEADERS=Content-Type"
        ),
    ]


def test_every_policy_of_every_environment_can_be_looked_at(file):
    found = {
        (environment, name): [warning.code for warning in policy.warnings]
        for environment, configuration in Configuration.environments_of(file(SEVERAL)).items()
        for name, policy in configuration.policies.items()
    }
    assert found == {
        ("development", "app"): [],
        ("development", "partner"): [],
        ("development", "open"): [],
        ("live", "app"): [],
        ("live", "partner"): [],
        ("live", "open"): ["W403"],
    }


# Where it stands in for a policy.


def hello(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


def asked(application, path="/", origin=APP):
    """
    Return what *application* answers in Access-Control-Allow-Origin, if anything.
    """
    return Client(application).get(path, headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")


def test_it_stands_wherever_a_policy_does(file, caplog):
    one, several = Configuration.from_file(file(ONE), "production"), Configuration.from_file(file(SEVERAL), "live")
    assert Policies(one).policy is one.policies["policy"]
    assert asked(CORSMiddleware(hello, one)) == APP
    guard = CORSMiddleware(hello, None)
    guard.policy = several
    assert (asked(guard, "/api"), asked(guard, "/api/open"), asked(guard, "/admin")) == (APP, "*", None)
    assert "W403 cors.toml: policies.open.allow_origins" in caplog.text
    assert guard.policy_for({"PATH_INFO": "/admin"}) is None
    assert explain(several, {"REQUEST_METHOD": "GET", "PATH_INFO": "/api", "HTTP_ORIGIN": APP}).headers


def test_a_policy_of_it_tags_a_view_and_can_be_sent_to_another_process(file):
    from corsguard import cors
    from corsguard.adapters import tag_of

    policy = Configuration.from_file(file(SEVERAL), "live").policies["partner"]
    assert tag_of(cors(policy)(lambda: "view")).policy is policy
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_flask_takes_it_as_a_policy_and_from_its_config(file):
    from flask import Flask

    from corsguard_flask import CORSGuard

    configuration = Configuration.from_file(file(ONE), "production")
    app = Flask("configured")
    CORSGuard(app, configuration)
    assert asked(app) == APP
    app = Flask("configured")
    app.config["CORSGUARD"] = configuration
    # What an application's own config says is not the guard's own policy.
    assert CORSGuard(app).policy is None
    assert policy_in(app) is configuration.policies["policy"]


def policy_in(app):
    """
    Return the policy that guards the Flask application *app*.
    """
    return app.wsgi_app.__self__.policy


PREFIXED = {
    "text, by commas": {"ALLOW_ORIGINS": "https://a.example,https://b.example"},
    "a list of JSON": {"ALLOW_ORIGINS": '["https://a.example", "https://b.example"]'},
    "the keyword itself, of JSON": {"allow_origins": '["https://a.example", "https://b.example"]'},
}


@pytest.mark.parametrize("variables", PREFIXED.values(), ids=PREFIXED.keys())
def test_flask_reads_what_from_prefixed_env_left(monkeypatch, variables):
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
    "one underscore beside two": (
        {"CORSGUARD__ALLOW_ORIGINS": "*", "CORSGUARD_MAX_AGE": "60"},
        'E817 CORSGUARD_MAX_AGE: There is no variable "CORSGUARD_MAX_AGE".\n    fix: CORSGUARD__MAX_AGE',
    ),
    "beside a keyword": (
        {"CORSGUARD__allow_origins": '["https://a.example"]', "CORSGUARD__MAX_AGE": "60"},
        (
            'E817 CORSGUARD__allow_origins: There is no variable "CORSGUARD__allow_origins".\n'
            "    fix: CORSGUARD__ALLOW_ORIGINS"
        ),
    ),
    "a number for a bool": (
        {"CORSGUARD__ALLOW_ORIGINS": "https://a.example", "CORSGUARD__ALLOW_CREDENTIALS": "1"},
        (
            "E701 CORSGUARD__ALLOW_CREDENTIALS: 1 is not a bool. Python takes any text that is not empty "
            'for true, even "false".\n'
            "    fix: CORSGUARD__ALLOW_CREDENTIALS=true"
        ),
    ),
}


@pytest.mark.parametrize(("variables", "told"), MISTAKEN_CONFIGS.values(), ids=MISTAKEN_CONFIGS.keys())
def test_flask_tells_of_a_mistake_in_prefixed_variables(monkeypatch, variables, told):
    from flask import Flask

    from corsguard_flask import CORSGuard

    for name, value in variables.items():
        monkeypatch.setenv(f"FLASK_{name}", value)
    app = Flask("prefixed")
    app.config.from_prefixed_env()
    with pytest.raises(PolicyError) as error:
        CORSGuard(app)
    assert str(error.value).partition("\n")[2] == told
    assert error.value.__notes__ == ["This is app.config['CORSGUARD'] of 'prefixed'."]


def test_django_takes_it_as_its_setting(file, tmp_path):
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
    assert "E814 cors.toml: environments: None is not an environment: there are development, staging, production." in (
        told
    )
    (tmp_path / "cors.toml").write_text(
        ONE.replace("[environments.production]", '[environments.production]\nallow_origins = ["http://localhost"]')
    )
    told = check(APP_ENV="production").stderr
    assert re.search(r"CORSGUARD: cors.toml: environments.production.allow_origins: \(corsguard.W401\)", told)
