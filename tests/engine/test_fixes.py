"""
A fix as a value: its text in every form, and that the pasted text means what the fix says.
"""

import json
from dataclasses import asdict, replace

import pytest
from kit.pasting import FORMS, read

from corsguard import Configuration, Fix, Policy
from corsguard.fixes import OR_REMOVE_IT, as_toml

POLICY = {
    "allow_origins": ["https://app.example.com", "https://*.example.org"],
    "allow_methods": ["GET", "PUT"],
    "allow_credentials": True,
    "max_age": None,
    "allow_unsafe_origins": {"http://kiosk.example": 'no TLS until 2027, says "OPS"'},
}
WRITTEN = {
    "python": ['allow_origins=["\xe9"], allow_credentials=True'],
    "toml": ['allow_origins = ["\xe9"]', "allow_credentials = true"],
    "variables": ["CORSGUARD_ALLOW_ORIGINS=\xe9", "CORSGUARD_ALLOW_CREDENTIALS=true"],
    "wsgi": ['CORSMiddleware(application, {..., "allow_origins": ["\xe9"], "allow_credentials": True})'],
    "asgi": ['CORSMiddleware(app, {..., "allow_origins": ["\xe9"], "allow_credentials": True})'],
    "fastapi": ['CORSGuard(app, {..., "allow_origins": ["\xe9"], "allow_credentials": True})'],
    "add_middleware": [
        'app.add_middleware(CORSMiddleware, policy={..., "allow_origins": ["\xe9"], "allow_credentials": True})'
    ],
    "flask": ['CORSGuard(app, {..., "allow_origins": ["\xe9"], "allow_credentials": True})'],
    "django": ['CORSGUARD = {..., "allow_origins": ["\xe9"], "allow_credentials": True}'],
    "view": ['@cors(..., allow_origins=["\xe9"], allow_credentials=True)'],
}


@pytest.mark.parametrize("form", FORMS)
def test_keywords_are_written_in_the_words_of_the_place(form):
    assert Fix(policy={"allow_origins": ["\xe9"], "allow_credentials": True}, form=form).written() == WRITTEN[form]


@pytest.mark.parametrize("form", FORMS)
def test_a_fix_that_begins_a_policy_can_be_run_as_that_policy(form):
    said = read(form, Fix(policy=POLICY, form=form).begun())
    policy = Configuration.from_variables(said).policies["policy"] if form == "variables" else Policy(**said)
    assert policy == Policy(**POLICY)


@pytest.mark.parametrize(
    ("fix", "text"),
    [
        (Fix(), ""),
        (Fix(words="unset IT"), "unset IT"),
        (Fix(name="allow_origins"), "allow_origins"),
        (Fix(entries=("https://a.example", "https://b.example")), '"https://a.example", "https://b.example"'),
        (Fix(entries=(True,)), "True"),
        (Fix(entries=({"/api": None},)), '{"/api": None}'),
        (Fix(policy={"max_age": 60}, words="a minute"), "max_age=60  # a minute"),
        (Fix(removes=True, words="it has no effect"), "remove it  # it has no effect"),
        (Fix(lines=(3,)), "make line 3 a comment"),
        (Fix(lines=(3, 4)), "make lines 3 and 4 comments"),
        (Fix(lines=(3, 4, 5)), "make lines 3 to 5 comments"),
        (Fix(lines=(3, 5, 7), words="a fault each"), "make lines 3, 5 and 7 comments  # a fault each"),
        (Fix(lines=(*range(1, 99, 2),)), "make lines 1, 47 more and 97 comments"),
        (Fix(policy={"max_age": 1}, tables={"max_age": ("a", "b.c")}, form="toml"), 'a."b.c".max_age = 1'),
        (
            Fix(entries=("a",), words="do", otherwise=(Fix(words="or not", policy={"max_age": 1}), OR_REMOVE_IT)),
            '"a"  # do; or not: max_age=1; or remove it',
        ),
        (
            Fix(words="Why.", send=("A: 1", "B: 2"), policy={"max_age": 1}, page=('mode: "cors"',)),
            'Why.\n    send:   A: 1\n    send:   B: 2\n    policy: max_age=1\n    page:   mode: "cors"',
        ),
        (Fix(entries=("a", "b"), form="toml"), '"a", "b"'),
        (Fix(entries=("a", "b"), form="variables"), "a,b"),
        (
            Fix(policy={"max_age": None, "allow_unsafe_origins": {}}, form="toml"),
            'max_age = "none"\nallow_unsafe_origins = {}',
        ),
        (Fix(policy={"allow_methods": ["A", "B"]}, form="variables", prefix="X_"), "X_ALLOW_METHODS=A,B"),
    ],
)
def test_a_fix_has_this_text(fix, text):
    assert str(fix) == text
    assert bool(fix) is bool(text)
    assert fix.can_be_pasted is bool(fix.name or fix.entries or fix.policy or fix.send)


def test_each_choice_has_its_own_text():
    """
    A choice has its text in the form of its fix. Only the first choice has the words of the fix.
    """
    fix = Fix(entries=("a",), words="do", otherwise=(Fix(words="or", policy={"max_age": 1}), OR_REMOVE_IT))
    assert [text for _, text in replace(fix, form="toml", tables={"max_age": ("x",)}).choices()] == [
        '"a"  # do',
        "or: x.max_age = 1",
        "or remove it",
    ]
    assert [text for _, text in fix.choices()] == ['"a"  # do', "or: max_age=1", "or remove it"]


def test_the_text_of_a_fix_is_bounded_and_has_no_half_value():
    names = [f"M{number}" for number in range(1000)]
    fix = Fix(policy={"allow_methods": names})
    assert str(fix).endswith('"M29", and 970 more]')
    assert read("python", fix.begun()) == fix.policy


def test_a_fix_adds_no_line_of_a_client():
    fix = Fix(words="a\x1b[2J", name="b\r", entries=("c\n",), policy={"allow_origins": ["d\u2028"]})
    assert str(fix).isprintable()
    assert all(line.isprintable() for line in fix.written())


def test_a_fix_is_plain_data():
    fix = Fix(entries=("a",), policy={"max_age": 1}, otherwise=(Fix(words="or", policy={"max_age": 2}),))
    data = fix.data()
    assert json.loads(json.dumps(data)) == data
    assert data["text"] == str(fix)
    (other,) = data["otherwise"]
    assert data == {**json.loads(json.dumps(asdict(fix))), "otherwise": [other], "text": str(fix)}
    assert (other["policy"], other["text"]) == ({"max_age": 2}, "or: max_age=2")
    assert hash(fix) == hash(replace(fix))
    assert fix != replace(fix, policy={})


def test_toml_has_a_text_for_none_and_for_a_table():
    assert as_toml({"max_age": None, "a b": {"null": "kiosks"}}) == '{ max_age = "none", "a b" = { null = "kiosks" } }'
