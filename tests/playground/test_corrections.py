"""
Every refusal and every warning that TOML can cause has a button in the playground. Pressing it removes the problem.
"""

import tomllib

import pytest

from corsguard.errors import RULES
from corsguard.fixes import as_toml
from corsguard.playground.showing import judged

# No text can cause these, for these reasons.
NOT_IN_TOML = {
    **dict.fromkeys(("E321", "E322", "E323", "E324"), "An origin source is an object, which only Python can give."),
    "E801": "What stands in place of a policy in a file is E813.",
    "E804": "An origin source is an object, which only Python can give.",
    "E805": "Which handshakes are judged is said to the carrier.",
    "E810": "A store of hosts is an object, which only Python can give.",
    "E816": "It is about environment variables.",
    "E817": "It is about environment variables.",
}
APP = '[policies.app]\nallow_origins = ["https://app.example.com"]\n'
PATHS = '[paths]\n"/" = "app"\n'
OPEN = 'allow_origins = "*"\n'
LISTED = 'allow_origins = ["https://app.example.com"]\n'
KIOSK = 'allow_unsafe_origins = { "http://a.example" = "no TLS" }\n'
MANY = [f"M{number}" for number in range(31)]
KIOSKS = {f"http://kiosk{number}.example": "no TLS" for number in range(31)}
# Texts for codes that are about more than a policy in the table of rules, and for kinds of a code with a fix of their
# own.
TEXTS = {
    "E103": ["allow_origins = 5\n", 'allow_origins = { "https://a.example" = true, "https://b.example" = false }\n'],
    "E104": ['allow_origins = ["https://a.example", 5, 1.5, true, ["x"], { a = 1 }, 1979-05-27]\n'],
    "E106": [
        f"{OPEN}allow_private_network = true\n",
        f"{LISTED}timing_allow_origin = [\n  'https://a.example', # ours\n]\n",
        f"{OPEN}nonsense.x = 1\nnonsense.y = 2\n",
        f'{LISTED}allow_origin = "*"\n',
        f"{OPEN}[environments.eu.live]\nmax_age = 0\n",
    ],
    "E107": [f"{OPEN}allow_headers = {as_toml(['X-*', *MANY])}\n"],
    "E211": ["allow_origins = ['^https://(.*\\.)?a\\.example$']\n"],
    "E302": [
        f"{KIOSK}allow_credentials = true\nallow_origins = ['http://b.example']\n",
    ],
    "E303": ['allow_origins = ["moz-extension://*"]\nallow_credentials = true\n'],
    "E312": [f"{LISTED}allow_unsafe_origins = {as_toml({**KIOSKS, 'http://a.example': ''})}\n"],
    "E313": [f"{LISTED}allow_unsafe_origins = {as_toml({**KIOSKS, 'https://a.example': 'ours'})}\n"],
    "E802": [
        f'{APP}[paths]\n"/api/*" = "app"\n',
        f'{APP}[paths]\n"/api/" = "app"\n"/api" = "none"\n',
        f'[paths."/(a|b)"]\n{OPEN}[paths."/"]\n{OPEN}',
    ],
    "E803": [
        f'{APP}{PATHS}[hosts]\n"api.example.com" = "app"\n',
        f'{APP}[hosts."a.example"]\nmax_age = 5\n[hosts."a.example".paths]\n"/" = "app"\n',
    ],
    "E806": [
        f'{OPEN}[protection]\nmode = "on"\n',
        f'{OPEN}[protection]\nmode = "off"\n',
        f'{OPEN}[protection]\nexempt = "/hook"\nmode = 5\n',
    ],
    "E807": [f'{OPEN}[protection]\nexempt = ["/", "/hook"]\n'],
    "E808": [f'{APP}[hosts]\n"https://api.example.com" = "app"\n', f'{APP}[hosts]\n"" = "app"\n'],
    "E809": [f'{APP}[hosts]\n"a.example" = "app"\n[hosts."a.example:443".paths]\n"/" = "app"\n'],
    "E811": [
        "allow_origins: *\n",
        'allow_origins = [\n  "https://app.example.com"\nmax_age = 5\n',
        'allow_origins = """\nmax_age = 5\n[paths]\n',
        f"{OPEN}[environments.live\nallow_credentials = true\n[environments.dev]\nmax_age = 5\n",
        f"{OPEN}{OPEN}",
        f"{OPEN}max_age = {5000 * '9'}\n",
        f"max_age = {5000 * '['}\n{OPEN}",
        '{"allow_origins": ["https://app.example.com"],\n "max_age": 5}\n',
        "".join(f"- line {number}\n" for number in range(31)),
        '"',
    ],
    "E812": [
        f"{APP}{PATHS}[enviroments.live]\n",
        f"max_age = 5\n{APP}{PATHS}",
        f"allow_origins = '*'\n{APP}{PATHS}",
        f"{APP}{PATHS}[environments.live.app]\nmax_age = 5\n",
        f"{APP}{PATHS}[environments.live]\ndebug = true\n",
        f"{OPEN}[protection]\nmod = 'report'\nenabled = true\n",
        f"{OPEN}[protection]\nmod = 'report'\nmode = 'report'\n",
    ],
    "E813": [
        'policies = ["app"]\n',
        f"[[policies]]\n{OPEN}\n[[policies]]\n{LISTED}",
        f'{OPEN}environments = {{ production = "the same" }}\n',
        f"{OPEN}[environments.live]\nproduction = 'yes'\n",
        f"[policies.none]\n{OPEN}\n[policies.app]\n{LISTED}",
        f'{APP}[paths]\n"/admin" = false\n',
        f"[policies.app]\n{LISTED}extends = 5\n{PATHS}",
        f'[policies."a.example"]\n{LISTED}[hosts."a.example"]\n{OPEN}',
        f"{OPEN}protection = true\n",
    ],
    "E814": [
        f'{APP}[paths]\n"/" = "ap"\n',
        f'{APP}[paths]\n"/" = "blog"\n',
        '[paths]\n"/" = "blog"\n',
        f'[policies.app]\n{LISTED}extends = "blog"\n{PATHS}',
        f"{APP}{PATHS}[environments.live.policies.blog]\nmax_age = 5\n",
        f'[paths."/"]\n{OPEN}[environments.live.policies.blog]\nmax_age = 5\n',
    ],
    "E815": [f'[policies.app]\n{LISTED}extends = "open"\n[policies.open]\nextends = "app"\n{PATHS}'],
    "E818": [APP, "[policies]\napp.allow_origins = '*'\n[environments.live]\n"],
    "W104": [
        f"allow_origins = {as_toml(['http://localhost', *(f'https://{name.lower()}.example' for name in MANY)])}\n"
    ],
    "W105": ['allow_origins = [\n  "https://*.example.com",\n  "https://app.example.com",  # covered\n]\n'],
    "W106": [f"allow_unsafe_origins = {as_toml(KIOSKS)}\n"],
    "W107": ['allow_origins = ["moz-extension://*"]\n'],
    "W401": ['allow_origins = ["http://localhost:3000"]\n[environments.production]\n'],
    "W402": [
        'allow_origins = ["http://a.example"]\n[environments.production]\n',
        f"{KIOSK}[environments.production]\nallow_credentials = true\n",
    ],
    "W403": [
        f"[policies.open]\n{OPEN}{APP}allow_credentials = true\n{PATHS}[environments.production]\n",
    ],
}


def text_of(example):
    """
    Return the text of TOML that says the same as the *example* of a rule, if that is a policy that TOML can express.
    """
    try:
        keywords = eval(
            example.replace("Policy.from_mapping", "Policy"), {"Policy": lambda *said, **more: (*said, more)[0]}
        )
        text = "".join(f"{name} = {as_toml(value)}\n" for name, value in keywords.items())
        tomllib.loads(text)
    except (AttributeError, NameError, TypeError, ValueError):
        return None
    return text


ROWS = [
    (code, text)
    for code, rule in RULES.items()
    for text in (text_of(rule.example), *TEXTS.get(code, ()))
    if text is not None and code not in NOT_IN_TOML
]


def problems_in(text):
    return judged(text, None)["problems"]


def named(problem):
    return problem["code"], problem["message"]


@pytest.mark.parametrize("code", RULES)
def test_every_code_is_shown_or_cannot_be_caused(code):
    assert (code in NOT_IN_TOML) is (code not in {code for code, _ in ROWS})


@pytest.mark.parametrize(("code", "text"), ROWS, ids=[f"{code}-{number}" for number, (code, _) in enumerate(ROWS)])
def test_each_button_removes_its_problem(code, text):
    """
    Each refusal and each warning has a button. The text after pressing it is TOML without the problem.
    """
    found = problems_in(text)
    if code != "E104" or "https://app.example.com" not in text:
        # That example says None, for which TOML only has a word.
        assert code in {problem["code"] for problem in found}
    assert all(problem["corrections"] for problem in found)
    # Of many of the same kind, a few are enough.
    for problem in found[:4]:
        assert problem["fix"]
        for correction in problem["corrections"]:
            # The command line says the same.
            assert all(part in problem["fix"] for part in correction["does"].split("  # "))
            tomllib.loads(correction["text"])
            assert named(problem) not in map(named, problems_in(correction["text"])), correction


@pytest.mark.parametrize(("code", "text"), ROWS, ids=[f"{code}-{number}" for number, (code, _) in enumerate(ROWS)])
def test_pressing_the_first_buttons_leads_to_a_policy_without_errors(code, text):
    seen = []
    while errors := [problem for problem in problems_in(text) if problem["level"] == "error"]:
        assert text not in seen
        seen.append(text)
        text = errors[0]["corrections"][0]["text"]
    assert not [problem for problem in problems_in(text) if problem["level"] == "error"]


@pytest.mark.parametrize(
    ("text", "does", "expected"),
    [
        (
            f"{OPEN}allow_private_network = true  # why\nmax_age = 5\n",
            "remove it",
            f"{OPEN}# allow_private_network = true  # why\nmax_age = 5\n",
        ),
        (
            'allow_origins = [\n  "https://*.a.example",  # all\n  "https://b.a.example"  # one\n]\n',
            "remove it",
            'allow_origins = [\n  "https://*.a.example",  # all\n  # "https://b.a.example"  # one\n]\n',
        ),
        (
            'allow_origins = ["https://*.a.example", "https://b.a.example", "https://c.example"]\n',
            "remove it",
            'allow_origins = ["https://*.a.example", "https://c.example"]\n',
        ),
        (
            "# Ours.\nallow_origins = '*' # all\nallow_credentials = true # of the shop\n",
            "or, for public data: allow_credentials = false",
            "# Ours.\nallow_origins = '*' # all\nallow_credentials = false # of the shop\n",
        ),
        (
            f"{OPEN}[environments.live]\nallow_credentials = true\n",
            "or, for public data: environments.live.allow_credentials = false",
            f"{OPEN}[environments.live]\nallow_credentials = false\n",
        ),
        (
            '[paths]\n"/" = { allow_origins = "*", allow_private_network = true }\n',
            "remove it",
            '[paths]\n"/" = { allow_origins = "*" }\n',
        ),
        (
            'allow_methods = ["GET"]\nallow_headers = [\n  "X-A",  # a\n  "X-B, X-C",\n]\nallow_origins = "*"\n',
            'allow_headers = ["X-A", "X-B", "X-C"]',
            'allow_methods = ["GET"]\nallow_headers = [\n  "X-A",  # a\n  "X-B", "X-C",\n]\nallow_origins = "*"\n',
        ),
        (
            f"{APP}{PATHS}[environments.live.app]  # soon\nmax_age = 5\n",
            "policies.app",
            f"{APP}{PATHS}[environments.live.policies.app]  # soon\nmax_age = 5\n",
        ),
        (
            'allow_origins = [\n  "http://localhost:3000",\n]\n\n[environments.production]\n',
            'environments.production.allow_origins = ["https://app.example.com"]',
            f'allow_origins = [\n  "http://localhost:3000",\n]\n\n[environments.production]\n{LISTED}',
        ),
        (
            "allow_origins = [\n  'https://a.example'\nmax_age = 5\n",
            "or make lines 1 and 2 comments",
            "# allow_origins = [\n#   'https://a.example'\nmax_age = 5\n",
        ),
    ],
)
def test_text_that_is_not_at_fault_stays(text, does, expected):
    """
    It stays as it is written. A removed value stays as a comment if it has lines of its own.
    """
    assert [
        correction["text"]
        for problem in problems_in(text)
        for correction in problem["corrections"]
        if correction["does"].partition("  # ")[0] == does
    ][:1] == [expected]
