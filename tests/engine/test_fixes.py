"""
A fix as a value: what it says in every form, and that what can be pasted is what was meant.
"""

import json
from dataclasses import asdict, replace

import pytest
from kit.pasting import FORMS, read

from corsguard import Configuration, Fix, Policy
from corsguard.fixes import Alternative, as_toml

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
def test_keywords_in_the_words_of_the_place(form):
    """
    Keywords are written in the words of the place.
    """
    assert Fix(policy={"allow_origins": ["\xe9"], "allow_credentials": True}, form=form).written() == WRITTEN[form]


@pytest.mark.parametrize("form", FORMS)
def test_what_begins_a_policy_is_that_policy(form):
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
        (
            Fix(entries=("a",), words="do", otherwise=Alternative(reason="or not", policy={"max_age": 1})),
            '"a"  # do; or not: max_age=1',
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
def test_the_text_of_a_fix(fix, text):
    assert str(fix) == text
    assert bool(fix) is bool(text)
    assert fix.can_be_pasted is bool(fix and fix != Fix(words=fix.words))


def test_the_text_is_bounded_and_whole():
    """
    The text is bounded, and what is written is whole.
    """
    names = [f"M{number}" for number in range(1000)]
    fix = Fix(policy={"allow_methods": names})
    assert str(fix).endswith('"M29", and 970 more]')
    assert read("python", fix.begun()) == fix.policy


def test_a_fix_forges_no_line():
    fix = Fix(words="a\x1b[2J", name="b\r", entries=("c\n",), policy={"allow_origins": ["d\u2028"]})
    assert str(fix).isprintable()
    assert all(line.isprintable() for line in fix.written())


def test_a_fix_is_plain_data():
    fix = Fix(entries=("a",), policy={"max_age": 1}, otherwise=Alternative(reason="or", policy={"max_age": 2}))
    data = fix.data()
    assert json.loads(json.dumps(data)) == data
    assert data["text"] == str(fix)
    assert data == {**json.loads(json.dumps(asdict(fix))), "text": str(fix)}
    assert hash(fix) == hash(replace(fix))
    assert fix != replace(fix, policy={})


def test_toml_has_words_for_nothing_and_for_a_table():
    assert as_toml({"max_age": None, "a b": {"null": "kiosks"}}) == '{ max_age = "none", "a b" = { null = "kiosks" } }'
