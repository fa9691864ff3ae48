"""
Configuration in files: what a file says, what an environment changes, and which warnings production gets.
"""

import time
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from kit.configuring import APP, ONE, SEVERAL, hello, refusal

from corsguard import CORSMiddleware, Policies, Policy, PolicyError
from corsguard.configuration import Change, Configuration


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


def test_a_policy_may_be_given_under_its_path(file):
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


def test_policies_without_paths_guard_nothing(file):
    configuration = Configuration.from_file(file('[policies.app]\nallow_origins = "*"\n'))
    assert configuration.policies["app"] == Policy(allow_origins="*")
    assert refusal(CORSMiddleware, hello, configuration) == (
        "E818 cors.toml: paths: There are policies (app) and no paths, so nothing says what they guard.\n"
        '    fix: paths = { "/" = "app" }'
    )
    nothing = Configuration.from_file(file('[policies.app]\nallow_origins = "*"\n[paths]\n'))
    assert nothing.guarded.policy_for("/") == "unguarded"


def test_a_file_without_environments_knows_no_environment(file):
    written = file('allow_origins = "*"')
    assert list(Configuration.environments_of(written)) == [None]
    assert Configuration.from_file(written).guarded.policy == Policy(allow_origins="*")
    assert refusal(Configuration.from_file, written, "production") == (
        'E814 cors.toml: environments: "production" is not an environment. None is defined.\n    fix: None'
    )


@pytest.mark.parametrize(
    ("environment", "named", "fix"),
    [
        ("prodction", '"prodction"', '"production"'),
        ("DEVELOPMENT", '"DEVELOPMENT"', "one of development, staging, production"),
        ("", '""', "one of development, staging, production"),
        # `os.environ.get()` returns None for a variable that is not set.
        (None, "None", "one of development, staging, production"),
    ],
)
def test_an_unknown_environment_is_refused_with_the_names_of_the_others(file, environment, named, fix):
    assert refusal(Configuration.from_file, file(ONE), environment) == (
        f"E814 cors.toml: environments: {named} is not an environment. Known: development, staging, production.\n"
        f"    fix: {fix}"
    )


def test_an_environment_may_add_what_the_base_does_not_have(file):
    written = file("[environments.development]\nallow_origins = ['http://localhost:3000']\n[environments.production]\n")
    assert refusal(Configuration.from_file, written, "development") == (
        "E101 cors.toml: environments.production.allow_origins: No origins are given, so no page could read "
        'anything. There is no default.\n    fix: allow_origins = ["https://app.example.com"]'
    )


def test_changes_of_an_environment_are_shown_and_marked_if_they_widen(file):
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


def test_changes_of_an_extending_policy_are_shown_with_what_it_passes_on(file):
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


@pytest.mark.parametrize(
    "content", [ONE, SEVERAL, "[policies]", '["paths"."/a b"]\nallow_origins = "*"\n[paths]\n"/c" = "/a b"']
)
def test_the_shown_policies_are_a_file_that_says_the_same(file, content):
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


def test_every_reason_is_shown_and_can_be_read_again():
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
    ("share_timing", False, True, True),
    ("share_timing", True, False, False),
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


def test_an_origin_that_moves_to_allow_unsafe_origins_widens_nothing():
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


def test_values_that_only_python_can_express_are_compared_too():
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


def chain_of(length):
    """
    Return policies of which each extends the next one. So the last one must be read first.
    """
    said = {f"p{at}": {"extends": f"p{at + 1}", "max_age": at % 7200} for at in range(length - 1)}
    return {"policies": said | {f"p{length - 1}": {"allow_origins": [APP]}}}


def timed(function, *arguments):
    """
    Return what *function* returns, and the processor time of this process. Other load on the machine does not count.
    """
    start = time.process_time()
    returned = function(*arguments)
    return returned, time.process_time() - start


def test_a_long_chain_is_read_in_linear_time():
    """
    Thousands of policies that extend each other are read in linear time.
    """
    short, long = (chain_of(length) | {"environments": {"production": {}}} for length in (250, 2_500))
    few, once = min((timed(Configuration.from_mapping, short, "production") for _ in range(3)), key=lambda run: run[1])
    many, reading = min(
        (timed(Configuration.from_mapping, long, "production") for _ in range(2)), key=lambda run: run[1]
    )
    assert many.policies["p0"] == Policy(allow_origins=[APP], max_age=0)
    assert many.policies["p2498"].max_age == 2498
    # The chain is ten times as long. If each policy read all its parents, the work would be a hundred times as much.
    assert reading < 35 * once
    assert min(timed(str, many)[1] for _ in range(2)) < 35 * min(timed(str, few)[1] for _ in range(3))


def test_a_mistake_at_the_end_of_a_long_chain_is_reported_once():
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


def warned(said, environment="production", name="policy"):
    return [str(warning) for warning in Configuration.from_mapping(said, environment).policies[name].warnings]


def test_production_with_a_development_origin_has_a_warning():
    said = {"allow_origins": [APP, "http://localhost:3000"], "environments": {"production": {}, "staging": {}}}
    assert warned(said) == [
        (
            'W401 allow_origins: "http://localhost:3000" is a development origin in production: any program on '
            "a user's "
            'machine can listen there.\n    fix: allow_origins=["https://app.example.com"]'
        )
    ]
    assert [line.partition(":")[0] for line in warned(said, "staging")] == ["W104 allow_origins"]
    alone = {"allow_origins": ["https://127.0.0.1:3000"], "environments": {"production": {}, "staging": {}}}
    assert [line.partition(" ")[0] for line in warned(alone)] == ["W401"]
    assert warned(alone, "staging") == []


def test_production_with_plain_http_has_a_warning():
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
    told = "is plain http in production: anyone who controls the network can read the traffic and act as that page."
    assert warned(said) == [
        f'W402 allow_origins: "http://app.example.com" {told}\n    fix: "https://app.example.com"',
    ]
    assert warned(said, "prod-eu") == [
        (
            f'W402 environments.prod-eu.allow_unsafe_origins: "http://app.example.com" {told} It is accepted because: '
            '"no TLS, OPS-12".\n    fix: "https://app.example.com"'
        ),
    ]


def test_production_with_everyone_next_to_credentials_has_a_warning():
    policies = {"open": {"allow_origins": "*"}, "app": {"allow_origins": [APP], "allow_credentials": True}}
    said = {"policies": policies, "environments": {"production": {}}}
    assert warned(said, name="app") == []
    assert warned(said, name="open") == [
        (
            'W403 policies.open.allow_origins: "*" shares with every site in production, and other policies share '
            'with cookies ("app"). Are these responses the same for everyone who asks?\n    fix: '
            'allow_origins=["https://app.example.com"]'
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
def test_an_environment_is_production_if_its_name_begins_with_prod_or_it_says_so(name, said, is_production):
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
            "of that host, and trusts every program that listens there with the user's credentials. With cross-origin "
            "protection, each of them may also act as the user; without it, every site may.\n"
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


def test_every_policy_of_every_environment_can_be_shown(file):
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
