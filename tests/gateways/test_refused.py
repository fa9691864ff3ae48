"""
A policy that no file can express is refused, with every reason and an alternative.
"""

import pytest
from kit.gateways import APP

from corsguard import PolicyError
from corsguard.gateways import RULES, TARGETS, Source, export
from corsguard.gateways.refused import INSTEAD, REFUSED


class Store:
    def __contains__(self, origin):
        return True

    def policy_of(self, host):
        return None


# An example cannot contain these.
SOURCES = {"source": Store()}
# Examples that need more than a target and keywords.
WITH = {"E854": Source(tagged=("shop.views.cart",)), "E858": Source(mount="app")}


def codes_of(target, policy, source=None):
    with pytest.raises(PolicyError) as refused:
        export(target, policy, *[source] if source else [])
    return [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize("code", RULES)
def test_every_example_breaks_its_rule_and_no_other(code):
    target, keywords = RULES[code].example
    if isinstance(keywords.get("allow_origins"), str):
        keywords = {**keywords, "allow_origins": SOURCES[keywords["allow_origins"]]}
    assert codes_of(target, keywords, WITH.get(code)) == [code]


def test_all_reasons_are_reported_at_once():
    policies = {"/": {"allow_origins": Store()}, "/editor": {"allow_origins": ["vscode-webview://*"]}}
    source = Source(mount="/", tagged=("shop.views.cart",))
    assert codes_of("kong", policies, source) == ["E852", "E858", "E854", "E853", "E855"]


def test_a_store_that_is_asked_about_a_host_is_refused():
    assert codes_of("nginx", {"hosts": Store()}) == ["E853"]
    # It is not asked without a host.
    assert export("nginx", {"hosts": {}})


def test_a_problem_at_a_host_is_reported_with_that_host():
    at_host = {"/": {"allow_origins": Store()}, "/editor": {"allow_origins": ["vscode-webview://*"]}}
    with pytest.raises(PolicyError) as refused:
        export("nginx", {"hosts": {"*.tenants.example": {"paths": at_host}, "[::1]:81": None}})
    assert [problem.field for problem in refused.value.problems] == ["*.tenants.example/", "*.tenants.example/editor"]


LONGEST = {"nginx": 4_000, "haproxy": 15_000, "varnish": 32_000}


@pytest.mark.parametrize("target", LONGEST)
def test_a_policy_that_is_too_long_is_refused(target):
    names = [f"X-{'a' * 95}{number:03}" for number in range(LONGEST[target] // 102)]
    listed = {"allow_origins": [APP], "allow_headers": names, "expose_headers": ["X-Long"]}
    assert export(target, listed)
    assert codes_of(target, {**listed, "allow_headers": [*names, f"X-{'b' * 200}"]}) == ["E856"]
    assert export(target, {f"/{'a' * 200}": listed})
    assert codes_of(target, {f"/{'a' * 1000}": listed, "/b": listed}) == ["E856"]


def test_a_store_of_hosts_is_refused():
    class Tenants:
        def policy_of(self, host):
            raise AssertionError

    with pytest.raises(PolicyError, match="E853 hosts: The object of hosts is asked at request time"):
        export("nginx", {"hosts": Tenants()})


def test_a_refused_policy_is_refused_here_too():
    assert codes_of("nginx", {"allow_origins": []}) == ["E101"]


LONG = {"allow_origins": [APP], "expose_headers": [f"X-{number}" for number in range(3000)]}
MANY = {"allow_origins": [f"https://*.x{number}.example" for number in range(1001)]}


@pytest.mark.parametrize(("policy", "code"), [(LONG, "E856"), (MANY, "E857")])
def test_a_policy_that_envoy_would_reject_is_refused(policy, code):
    assert codes_of("envoy", {"/": None, "/api": policy}) == [code]


def test_a_status_that_httpd_cannot_answer_without_content_is_refused():
    policies = {"/": {"allow_origins": [APP]}, "/old": {"allow_origins": [APP], "preflight_status": 200}}
    assert codes_of("apache", policies) == ["E857"]


@pytest.mark.parametrize("target", ["nginx", "apache"])
def test_a_prefix_longer_than_the_syntax_allows_is_refused(target):
    assert codes_of(target, {"/": None, f"/{'a' * 500}": {"allow_origins": [APP]}}) == ["E856"]


@pytest.mark.parametrize("target", REFUSED)
def test_a_target_that_cannot_answer_as_the_guard_does_has_a_reason_and_an_alternative(target):
    with pytest.raises(PolicyError) as refused:
        export(target, {"allow_origins": [APP]})
    (problem,) = refused.value.problems
    assert (problem.code, problem.fix.words) == ("E852", INSTEAD[target])
    assert REFUSED[target] in problem.message


def test_every_refused_target_has_both_texts():
    assert REFUSED.keys() == INSTEAD.keys()
    assert not REFUSED.keys() & TARGETS.keys()


@pytest.mark.parametrize(("typed", "meant"), [("nginks", "nginx"), ("", "nginx"), ("traefic", "traefik")])
def test_the_nearest_target_is_named(typed, meant):
    with pytest.raises(PolicyError, match="Expected a target, got") as refused:
        export(typed, {"allow_origins": [APP]})
    assert f"Write {meant}." in refused.value.problems[0].fix.words
