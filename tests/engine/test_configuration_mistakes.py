"""
Every mistake that a file or a mapping can have: what is said about it, and what its fix changes.
"""

import tomllib
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.configuring import APP, KEYS, NO_ORIGINS, VALUES, refusal

from corsguard import PolicyError
from corsguard.configuration import Configuration
from corsguard.fixes import as_toml, dotted

MISTAKES = {
    "an empty file": (
        "",
        f'E101 cors.toml: allow_origins: {NO_ORIGINS}\n    fix: allow_origins = ["https://app.example.com"]',
    ),
    "a colon in place of =": (
        'allow_credentials = true\nallow_origins: ["https://app.example.com"]',
        (
            "E811 cors.toml: \"cors.toml\" cannot be read: it is not TOML: Expected '=' after a key in a "
            "key/value pair "
            '(line 2, column 14).\n    fix: allow_origins = ["https://app.example.com"]  # a key, `=` and a '
            "value; quote a "
            'key such as "/api"; or make line 2 a comment'
        ),
    ),
    "a list that is not closed": (
        'allow_origins = [\n  "https://app.example.com"',
        (
            'E811 cors.toml: "cors.toml" cannot be read: it is not TOML: Unclosed array (line 2, column 28).\n'
            '    fix: allow_origins = ["https://app.example.com"]  # a key, `=` and a value; quote a key such as '
            '"/api"; or make lines 1 and 2 comments'
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
    "a number with too many digits": (
        "max_age = " + 5000 * "9",
        (
            'E811 cors.toml: "cors.toml" cannot be read: it has a number too long, or tables too deep, to be read.\n'
            "    fix: make line 1 a comment"
        ),
    ),
    "lists that are nested too deep": (
        "max_age = " + 5000 * "[",
        (
            'E811 cors.toml: "cors.toml" cannot be read: it has a number too long, or tables too deep, to be read.\n'
            "    fix: make line 1 a comment"
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
    "a policy without its name": (
        '[policy]\nallow_origins = "*"',
        ('E812 cors.toml: policy: "policy" is not a known key here.\n    fix: policies.app'),
    ),
    "extends, misspelled": (
        '[policies.a]\nallow_origins = "*"\n[policies.b]\nextend = "a"',
        ('E812 cors.toml: policies.b.extend: "extend" is not a known key here.\n    fix: extends'),
    ),
    "production, misspelled": (
        'allow_origins = "*"\n[environments.live]\nproductive = true',
        ('E812 cors.toml: environments.live.productive: "productive" is not a known key here.\n    fix: production'),
    ),
    "a policy one level too high": (
        '[policies.app]\nallow_origins = "*"\n[environments.staging.app]\nmax_age = 0',
        (
            'E812 cors.toml: environments.staging.app: "app" is not a known key here.\n'
            "    fix: policies.app  # or remove it"
        ),
    ),
    "a keyword outside of the policies": (
        '[policies.app]\nallow_origins = "*"\n[environments.staging]\nmax_age = 0',
        (
            'E812 cors.toml: environments.staging.max_age: "max_age" is not a known key here.\n'
            "    fix: policies.app.max_age  # or remove it"
        ),
    ),
    "a keyword next to policies": (
        'max_age = 0\n[policies.app]\nallow_origins = "*"',
        ('E812 cors.toml: max_age: "max_age" is not a known key here.\n    fix: policies.app.max_age  # or remove it'),
    ),
    "a key that is similar to none": (
        '[policies.app]\nallow_origins = "*"\n[environments.staging]\ndebug = true',
        (
            'E812 cors.toml: environments.staging.debug: "debug" is not a known key here.\n'
            "    fix: remove it  # or write one of policies, production, protection"
        ),
    ),
    "a base that is wrong in one environment, and what another policy inherits from it": (
        (
            '[policies.a]\nallow_origins = "*"\n[policies.b]\nextends = "a"\n'
            "[environments.live.policies.a]\nallow_credentials = true"
        ),
        (
            'E301 cors.toml: policies.a.allow_origins: "*" cannot be used together with allow_credentials=True: '
            "browsers refuse this combination, and each workaround lets every site read the data of logged-in users. "
            "(In the "
            'environment live.)\n    fix: allow_origins = ["https://app.example.com"]  # list the origins of your '
            "pages; or, for public data: environments.live.policies.a.allow_credentials = false"
        ),
    ),
    "what another policy inherits from a base that is wrong in one environment": (
        (
            '[policies.a]\nallow_origins = "*"\n[policies.b]\nextends = "a"\n[environments.dev]\n'
            "[environments.live.policies.b]\nallow_credentials = true"
        ),
        (
            'E301 cors.toml: policies.a.allow_origins: "*" cannot be used together with allow_credentials=True: '
            "browsers refuse this combination, and each workaround lets every site read the data of logged-in users. "
            "(In the "
            'environment live.)\n    fix: allow_origins = ["https://app.example.com"]  # list the origins of your '
            "pages; or, for public data: environments.live.policies.b.allow_credentials = false"
        ),
    ),
    "an environment within an environment": (
        'allow_origins = "*"\n[environments.eu.live]\nmax_age = 0',
        (
            'E106 cors.toml: environments.eu.live: A policy has no keyword "live".\n'
            '    fix: max_age = 0  # in place of "live", because a policy has no levels'
        ),
    ),
    "an extends in an environment": (
        '[policies.a]\nallow_origins = "*"\n[environments.live.policies.a]\nextends = "a"',
        (
            'E106 cors.toml: environments.live.policies.a.extends: A policy has no keyword "extends".\n'
            "    fix: remove it  # or write one of "
            "allow_origins, allow_methods, allow_headers, expose_headers, allow_credentials, max_age, "
            "preflight_status, share_timing, "
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
    "an environment that is not a table": (
        'allow_origins = "*"\nenvironments = { production = "the same" }',
        (
            'E813 cors.toml: environments.production: Expected a table of keys and values, got "the same" '
            "(a str).\n"
            '    fix: { allow_origins = ["https://app.example.com"] }'
        ),
    ),
    "production that is not a bool": (
        'allow_origins = "*"\n[environments.live]\nproduction = "yes"',
        ('E813 cors.toml: environments.live.production: Expected true or false, got "yes" (a str).\n    fix: true'),
    ),
    "a policy named none": (
        '[policies.none]\nallow_origins = "*"',
        (
            'E813 cors.toml: policies: Expected a name (not empty, not "none" or "unguarded", no / at its '
            'beginning), got "none" (a str).\n'
            '    fix: "app"'
        ),
    ),
    "a policy named like a path": (
        '[policies."/api"]\nallow_origins = "*"',
        (
            'E813 cors.toml: policies: Expected a name (not empty, not "none" or "unguarded", no / at its '
            'beginning), got "/api" (a str).\n'
            '    fix: "app"'
        ),
    ),
    "false for a path": (
        '[policies.app]\nallow_origins = "*"\n[paths]\n"/admin" = false',
        (
            'E813 cors.toml: paths."/admin": Expected the name of a policy, a table of its keywords, '
            '"none" or "unguarded", got False (a bool).\n'
            '    fix: "none"'
        ),
    ),
    "a path with an unknown policy": (
        '[policies.app]\nallow_origins = "*"\n[policies.open]\nallow_origins = "*"\n[paths]\n"/api" = "ap"',
        'E814 cors.toml: paths."/api": "ap" is not a policy. Known: app, open.\n    fix: "app"',
    ),
    "an environment with an unknown policy": (
        '[policies.app]\nallow_origins = "*"\n[environments.live.policies.blog]\nmax_age = 0',
        (
            'E814 cors.toml: environments.live.policies.blog: "blog" is not a policy. Known: app.\n'
            "    fix: remove it  # or write one of app"
        ),
    ),
    "a path without its slash": (
        '[policies.app]\nallow_origins = "*"\n[paths]\n"/api/*" = "app"',
        (
            'E802 cors.toml: paths."/api/*": "/api/*" is not a path prefix. A prefix begins with `/`, does not end '
            "with `/`, and covers everything below it. It has no `.`, `..` or empty segment, and no wildcard, "
            'converter, percent-encoding or regular expression.\n    fix: "/api"'
        ),
    ),
    "an extends of an unknown policy": (
        '[policies.a]\nextends = "b"',
        ('E814 cors.toml: policies.a.extends: "b" is not a policy. Known: a.\n    fix: remove it  # or write one of a'),
    ),
    "an extends of two policies": (
        '[policies.a]\nextends = ["b", "c"]',
        (
            'E813 cors.toml: policies.a.extends: Expected the name of a policy, got ["b", "c"] (a list).\n'
            "    fix: remove it  # or write the name of a policy"
        ),
    ),
    "an extends of itself": (
        '[policies.a]\nextends = "a"',
        'E815 cors.toml: policies.a.extends: "a" extends itself: a -> a.\n    fix: remove it',
    ),
    "two policies that extend each other": (
        '[policies.a]\nextends = "b"\n[policies.b]\nextends = "c"\n[policies.c]\nextends = "b"',
        'E815 cors.toml: policies.b.extends: "b" extends itself: b -> c -> b.\n    fix: remove it',
    ),
    "two circles, and a policy that extends one of them": (
        (
            '[policies.a]\nextends = "d"\n[policies.b]\nextends = "b"\n'
            '[policies.c]\nextends = "d"\n[policies.d]\nextends = "c"'
        ),
        (
            'E815 cors.toml: policies.b.extends: "b" extends itself: b -> b.\n    fix: remove it\n'
            'E815 cors.toml: policies.c.extends: "c" extends itself: c -> d -> c.\n    fix: remove it'
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
    "a keyword among paths": (
        '[paths]\nallow_origins = ["https://app.example.com"]\n"/" = { allow_origins = "*" }',
        (
            'E803 cors.toml: paths.allow_origins: "allow_origins" is on the same level as "/". Nothing is inherited: '
            "each "
            "path and each host needs a complete policy.\n    fix: remove it  # or write it into the policy of each "
            "path"
        ),
    ),
    "a string for a bool": (
        'allow_origins = ["https://app.example.com"]\nallow_credentials = "yes"',
        (
            'E701 cors.toml: allow_credentials: Expected a bool (true or false), got "yes". No other value is '
            'converted, because the text "false" could then count as true.\n    fix: allow_credentials = true'
        ),
    ),
    "a date for an age": (
        'allow_origins = "*"\nmax_age = 2027-01-01',
        (
            "E702 cors.toml: max_age: Expected a whole number of seconds, a timedelta of whole seconds or None, got "
            "datetime.date(2027, 1, 1).\n    fix: max_age = 7200"
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
    "unsafe origins next to everyone": (
        'allow_origins = "*"\nallow_unsafe_origins = { "null" = "a kiosk" }',
        (
            "E314 cors.toml: allow_unsafe_origins: allow_unsafe_origins has no effect together with "
            'allow_origins="*", which shares with everyone.\n'
            "    fix: allow_unsafe_origins = {}"
        ),
    ),
    "a base that is wrong, reported once": (
        'allow_origins = ["https://App.example.com"]\n[environments.a]\n[environments.b]\nmax_age = 0',
        (
            'E204 cors.toml: allow_origins: "https://App.example.com" has upper-case letters. Browsers send origins in '
            "lower case and the comparison is exact, so this would never match.\n"
            '    fix: "https://app.example.com"'
        ),
    ),
    "a base that is wrong, reported at the policy that has the value": (
        '[policies.a]\nallow_origins = "*"\nmax_age = -1\n[policies.b]\nextends = "a"\nallow_methods = ["GET"]',
        (
            "E703 cors.toml: policies.a.max_age: Expected 0 to 86400 seconds, got -1. No browser keeps an answer "
            "longer. 0 turns the preflight cache off.\n    fix: max_age = 0"
        ),
    ),
    "a base that is wrong in one environment": (
        'allow_origins = "*"\n[environments.dev]\n[environments.live]\nallow_credentials = true',
        (
            'E301 cors.toml: allow_origins: "*" cannot be used together with allow_credentials=True: browsers refuse '
            "this combination, and each workaround lets every site read the data of logged-in users. (In the "
            "environment "
            'live.)\n    fix: allow_origins = ["https://app.example.com"]  # list the origins of your '
            "pages; or, for public data: environments.live.allow_credentials = false"
        ),
    ),
    "everything at once": (
        (
            '[policies.a]\nallow_origins = ["app.example.com"]\n[policies.b]\nextends = "z"\nmax_age = "10m"\n'
            '[path]\n"/api/" = "a"\n[environments.live.policies.a]\nallow_credentials = 1'
        ),
        (
            'E812 cors.toml: path: "path" is not a known key here.\n    fix: paths\nE802 cors.toml: paths."/api/": '
            '"/api/" is not a path prefix. A prefix begins with `/`, does not end with `/`, and covers everything '
            "below it. It has no `.`, `..` or empty segment, and no wildcard, converter, percent-encoding or regular "
            'expression.\n    fix: "/api"\nE814 cors.toml: policies.b.extends: "z" is not a policy. Known: a, '
            "b.\n    fix: remove it  # or write one of a, b\n"
            'E202 cors.toml: policies.a.allow_origins: "app.example.com" does not begin '
            "with a scheme in lower case and `://`. Every origin that a browser sends does.\n    fix: "
            '"https://app.example.com"\nE702 cors.toml: policies.b.max_age: Expected a whole number of seconds, '
            'a timedelta of whole seconds or None, got "10m".\n    fix: max_age = 7200\nE701 cors.toml: '
            "environments.live.policies.a.allow_credentials: Expected a bool (true or false), got 1. No other value is "
            'converted, because the text "false" could then count as true.\n    fix: allow_credentials = true'
        ),
    ),
}


def is_toml(content):
    with suppress(ValueError, TypeError, RecursionError):
        return bool(tomllib.loads(content))
    return False


@pytest.mark.parametrize(("content", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_a_file_is_reported_with_file_key_and_fix(file, content, told):
    written = file(content)
    assert refusal(Configuration.from_file, written) == told
    # With each environment, and without one.
    assert refusal(Configuration.from_file, written, "live") == told
    assert refusal(Configuration.environments_of, written) == told


def test_a_missing_file_is_reported_with_the_folder_that_was_searched(file, tmp_path):
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
    Return *said*, the content of a file, with the fix of *problem* in TOML pasted into its place.
    """
    fix, (*outer, key) = problem.fix, problem.place
    text = str(replace(fix, words="", otherwise=()))
    table = said = deepcopy(said)
    for name in outer:
        table = table[name]
    if fix.policy:
        if fix.removes:
            del table[key]
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
    If fixes are pasted one after the other, no pasteable fix is left in the end. What is left says in words what to do.
    """
    said = tomllib.loads(MISTAKES[name][0])
    for _ in range(30):
        problems = problems_in(said)
        pasteable = [problem for problem in problems if problem.fix.can_be_pasted]
        if not pasteable:
            break
        said = pasted(said, pasteable[0])
    assert not pasteable
    assert all(problem.fix.words or problem.fix.removes for problem in problems)


def problems_in(said):
    try:
        Configuration.environments_of(written(said))
    except PolicyError as error:
        return error.problems
    return ()


def written(said):
    Path("cors.toml").write_text("\n".join(f"{dotted([key])} = {as_toml(value)}" for key, value in said.items()))
    return "cors.toml"


def test_a_mistake_in_a_mapping_is_reported_in_the_words_of_python():
    said = {"policies": {"app": {"allow_origins": APP, "allow_credentials": "yes"}}, "environments": {5: {}}}
    assert refusal(Configuration.from_mapping, said) == (
        'E813 environments: Expected a name (not empty, not "none" or "unguarded", no / at its beginning), got 5 (an '
        'int).\n    fix: "app"\nE102 policies.app.allow_origins: Expected a list of strings, got the string '
        '"https://app.example.com". Python would read it letter by letter.\n    fix: '
        'allow_origins=["https://app.example.com"]\nE701 policies.app.allow_credentials: Expected a bool (true or '
        'false), got "yes". No other value is converted, because the text "false" could then count as true.\n    fix: '
        "allow_credentials=True"
    )
    assert refusal(Configuration.from_mapping, ["https://app.example.com"]) == (
        'E813 : Expected a table of keys and values, got ["https://app.example.com"] (a list).\n'
        '    fix: {"allow_origins": ["https://app.example.com"]}\n'
        f'E101 allow_origins: {NO_ORIGINS}\n    fix: allow_origins=["https://app.example.com"]'
    )


@given(st.dictionaries(KEYS, VALUES, max_size=5) | VALUES, KEYS | st.none())
def test_every_content_is_either_refused_or_can_be_shown(said, environment):
    try:
        configuration = Configuration.from_mapping(said, environment)
    except PolicyError as error:
        problems = error.problems
    else:
        problems = ()
        again = Configuration.from_mapping(tomllib.loads(str(configuration)))
        assert again.policies == configuration.policies
    assert all(problem.fix and str(problem) for problem in problems)
