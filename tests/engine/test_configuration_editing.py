"""
A fix is put into the text of a file: what is wrong is replaced, and the rest stays as it is written.
"""

import tomllib

import pytest

from corsguard import Policy, PolicyError
from corsguard.configuration import Configuration
from corsguard.configuration.editing import corrections, with_keywords
from corsguard.errors import RULES
from corsguard.fixes import as_toml


def keywords_of(example):
    """
    Return the keywords in the *example* of a rule, if TOML can express that policy.
    """
    if not example.startswith("Policy("):
        return None
    try:
        keywords = eval(example, {"Policy": dict})  # We wrote the examples
        tomllib.loads(text_of(keywords))
    except (NameError, ValueError, TypeError):
        return None
    return keywords


def text_of(keywords):
    return "".join(f"{name} = {as_toml(value)}\n" for name, value in keywords.items())


EXAMPLES = {
    code: text_of(keywords)
    for code, rule in RULES.items()
    if code[0] == "E" and isinstance(rule.example, str) and (keywords := keywords_of(rule.example))
}


def problems_of(text):
    try:
        Configuration.environments_in(text, "cors.toml")
    except PolicyError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_file_with_the_fix_of_a_rule_does_not_break_that_rule_again(code):
    text, seen = f"# Ours.\n{EXAMPLES[code]}\n# The end.\n", []
    while problems := problems_of(text):
        assert text not in seen
        seen.append(text)
        text = next(corrections(text, problems))[0].text
    assert text.startswith("# Ours.\n")
    assert text.endswith("\n# The end.\n")


def test_enough_rules_have_an_example_in_toml():
    assert len(EXAMPLES) > 25


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (
            'allow_origins = [\n  "https://app.example.com/",  # the shop\n  "https://b.example",\n]\n',
            "E203",
            'allow_origins = [\n  "https://app.example.com",  # the shop\n  "https://b.example",\n]\n',
        ),
        ("[policy] # ours\nmax_age = 0\n", "E812", "[policies.app] # ours\nmax_age = 0\n"),
        (
            '[policies.api]\nallow_origins = \'*\' # all\nallow_credentials = true\n[paths]\n"/" = "api"\n',
            "E301",
            (
                '[policies.api]\nallow_origins = ["https://app.example.com"] # all\nallow_credentials = true\n'
                '[paths]\n"/" = "api"\n'
            ),
        ),
        ('[policies]\napi.alow_origins = "*"\npaths = 1\n', "E106", '[policies]\napi.allow_origins = "*"\npaths = 1\n'),
        ('[paths."/api/"]\nallow_origins = "*"\n', "E802", '[paths."/api"]\nallow_origins = "*"\n'),
        (
            '[environments.dev]\nallow_headers = ["x-a"]\n',
            "E101",
            '[environments.dev]\nallow_headers = ["x-a"]\nallow_origins = ["https://app.example.com"]\n',
        ),
        ("allow_headers = []", "E101", 'allow_headers = []\nallow_origins = ["https://app.example.com"]\n'),
        ("", "E101", 'allow_origins = ["https://app.example.com"]\n'),
        # What is added goes before what becomes a comment.
        ("[cors]\nmax_age = 60\n", "E106", "max_age = 60\n# [cors]\n# max_age = 60\n"),
    ],
)
def test_what_is_not_wrong_stays_as_it_is_written(text, code, expected):
    problem = next(problem for problem in problems_of(text) if problem.code == code)
    assert next(corrections(text, [problem]))[0].text == expected


def test_keywords_are_replaced_or_added_where_their_table_is():
    text = 'max_age = 1 # short\n\n[environments.dev]\n# none yet\n\n[paths]\n"/" = { allow_origins = "*" }\n'
    assert with_keywords(text, (), {"max_age": 0, "allow_credentials": True}) == text.replace(
        "max_age = 1 # short\n", "max_age = 0 # short\nallow_credentials = true\n"
    )
    assert with_keywords(text, ("environments", "dev"), {"max_age": 2}) == text.replace(
        "[environments.dev]\n", "[environments.dev]\nmax_age = 2\n"
    )
    assert with_keywords(text, ("paths", "/"), {"allow_origins": ["https://a.example"]}) == text.replace(
        '"*"', '["https://a.example"]'
    )
    assert with_keywords(text, ("paths", "/"), {"max_age": 2}) == text.replace('"*" }', '"*", max_age = 2 }')
    # A table without a heading of its own is written in the form of its neighbors.
    assert with_keywords('[paths]\n"/".allow_origins = "*"\n', ("paths", "/"), {"max_age": 2}) == (
        '[paths]\n"/".allow_origins = "*"\n"/".max_age = 2\n'
    )
    assert with_keywords(text, ("environments", "other"), {"max_age": 2}).endswith(
        "\n\n[environments.other]\nmax_age = 2\n"
    )
    assert with_keywords("max_age = ", (), {"max_age": 2}) is None


def test_an_edited_text_is_read_as_the_file_is(tmp_path):
    text = '[environments.dev]\nallow_origins = ["http://localhost:3000"]\n'
    path = tmp_path / "cors.toml"
    path.write_text(text)
    (of_text,), (of_file,) = (
        Configuration.environments_in(text, str(path)).values(),
        Configuration.environments_of(path).values(),
    )
    assert of_text == of_file
    assert isinstance(of_text.guarded.policy, Policy)
    with pytest.raises(PolicyError, match=r"cors\.toml: .*it is not TOML"):
        Configuration.environments_in("a = ", "cors.toml")
