"""
Policies by host: the valid keys, the key that a host means, and each form of configuration.
"""

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kit.tenants import HOSTS, ORIGINS, TENANT_OF

from corsguard import Configuration, CORSMiddleware, Policies, Policy, PolicyError, explain, negotiate
from corsguard.hosts import Hosts, host_of, key_of
from corsguard.policies import UNGUARDED

APP = "https://app.example.com"
LISTED = Policy(allow_origins=[APP])
OTHER = Policy(allow_origins=["https://other.example"])


class Awaited:
    async def allows(self, origin):
        return True


def refused(policy):
    with pytest.raises(PolicyError) as refusal:
        Policies(policy)
    return [(problem.code, problem.field, str(problem.fix)) for problem in refusal.value.problems]


@pytest.mark.parametrize(
    ("key", "looked_up"),
    {
        "a.example": "a.example",
        "localhost": "localhost",
        "a.example:8443": "a.example:8443",
        "a.example:80": "a.example",
        "a.example:443": "a.example",
        "*.a.example": "*.a.example",
        "*.a.example:8443": "*.a.example:8443",
        "*.a.example:443": "*.a.example",
        "a_b.c--d.example": "a_b.c--d.example",
        "xn--bcher-kva.example": "xn--bcher-kva.example",
        "127.0.0.1:8000": "127.0.0.1:8000",
        "[::1]": "[::1]",
        "*.localhost": "*.localhost",
    }.items(),
)
def test_a_host_is_a_valid_key(key, looked_up):
    assert key_of(key) == looked_up
    assert Policies({"hosts": {key: LISTED}}).policy == {"hosts": {looked_up: LISTED}}


BAD_KEYS = {
    "https://a.example": "a.example",
    "http://a.example:8000/": "a.example:8000",
    "A.example": "a.example",
    "a.example/api": "a.example",
    "a.example.": "a.example",
    "*.a.example.": "*.a.example",
    "b\xfccher.example": "xn--bcher-kva.example",
    "*.b\xfccher.example": "*.xn--bcher-kva.example",
    "pr-*.a.example": "*.a.example",
    "a.*.example": "api.example.com",
    "a.example:*": "a.example",
    "*.a.example:*": "*.a.example",
    "user@a.example": "a.example",
    "127.1": "127.0.0.1",
    "[0:0::1]": "[::1]",
    "a.example:0443": "a.example",
    "*": "api.example.com",
    "": "api.example.com",
    "a b": "a",
    7: "api.example.com",
    None: "api.example.com",
}


@pytest.mark.parametrize(("key", "meant"), BAD_KEYS.items(), ids=map(repr, BAD_KEYS))
def test_a_text_that_is_not_a_key_is_refused_with_the_host_that_is_meant(key, meant):
    ((code, _, fix),) = refused({"hosts": {key: LISTED}})
    assert (code, fix.partition("  # ")[0]) == ("E808", f'"{meant}"')
    assert key_of(meant) == meant


@pytest.mark.parametrize("hosts", [["a.example", "a.example:443"], ["*.a.example:80", "*.a.example"]])
def test_two_keys_of_one_host_are_refused(hosts):
    assert refused({"hosts": dict.fromkeys(hosts, LISTED)}) == [
        ("E809", f'hosts["{hosts[1]}"]', "remove it  # or remove the other one")
    ]


def test_all_mistakes_are_reported_at_once_with_their_places():
    wrong = {
        "A.example": {"allow_origins": ["https://A.example"]},
        "b.example": {"paths": {"api": {"allow_methods": "GET"}}, "max_age": 1},
        "c.example": 7,
        "d.example": {"hosts": {"e.example": None}},
    }
    assert [row[:2] for row in refused({"hosts": wrong, "paths": {}})] == [
        ("E803", "paths"),
        ("E808", 'hosts["A.example"]'),
        ("E204", 'hosts["A.example"].allow_origins'),
        ("E803", 'hosts["b.example"].max_age'),
        ("E802", 'hosts["b.example"].paths["api"]'),
        ("E101", 'hosts["b.example"].paths["api"].allow_origins'),
        ("E102", 'hosts["b.example"].paths["api"].allow_methods'),
        ("E801", 'hosts["c.example"]'),
        ("E106", 'hosts["d.example"].hosts'),
        ("E101", 'hosts["d.example"].allow_origins'),
    ]
    ((code, field, fix),) = refused({"hosts": ["a.example"]})
    assert (code, field) == ("E801", "hosts")
    assert Policies({"hosts": eval(fix)}).named


def test_an_awaited_source_is_refused_with_its_place():
    policy = Policy(allow_origins=Awaited())
    hosts = {"a.example": policy, "b.example": {"paths": {"/api": policy, "/": LISTED}}}
    with pytest.raises(PolicyError) as refusal:
        CORSMiddleware(lambda environ, start_response: [], {"hosts": hosts})
    assert [(problem.code, problem.field) for problem in refusal.value.problems] == [
        ("E804", 'hosts["a.example"].allow_origins'),
        ("E804", 'hosts["b.example"].paths["/api"].allow_origins'),
    ]


@pytest.mark.parametrize(("host", "tenant"), TENANT_OF.items(), ids=lambda value: repr(value)[:40])
def test_a_host_means_one_key(host, tenant):
    policy = Policies(HOSTS).policy_for("/", host)
    assert policy == (UNGUARDED if tenant is None else Policies(HOSTS).policy_for("/", host))
    if tenant is not None:
        assert policy.allow_origins == (ORIGINS[tenant],)
    assert Policies(HOSTS).policy_for("/") == UNGUARDED


def test_policies_by_host_have_names_and_can_be_read_back():
    paths = {"/": None, "/api": OTHER}
    policies = Policies({"hosts": {"a.example": LISTED, "*.b.example": {"paths": paths}, "c.example": paths}})
    assert policies.named == {"a.example": LISTED, "*.b.example/api": OTHER, "c.example/api": OTHER}
    assert policies.policy == {"hosts": {"a.example": LISTED, "*.b.example": paths, "c.example": paths}}
    assert Policies(policies.policy).policy == policies.policy
    table = policies.table
    policies.policy = policies.policy
    assert policies.table is table
    with pytest.raises(TypeError):
        policies.policy["hosts"]["a.example"] = OTHER


@pytest.mark.parametrize("hosts", [{}, {"a.example": {"paths": {}}}, {"a.example": None}, {"a.example": "unguarded"}])
def test_a_host_without_a_guard_is_given_back_as_such(hosts):
    policies = Policies({"hosts": hosts})
    again = Policies(policies.policy)
    assert (again.policy, again.named) == (policies.policy, {})
    assert [again.policy_for("/", host) for host in ("a.example", "b.example")] == [
        None if hosts == {"a.example": None} else UNGUARDED,
        UNGUARDED,
    ]


def test_each_host_has_its_own_odd_paths():
    policies = Policies({"hosts": {"a.example": LISTED, "b.example": {"/": LISTED, "/api": OTHER}}})
    assert policies.policy_for("/x/../api", "a.example") == LISTED
    assert policies.policy_for("/x/../api", "b.example") is None


def test_hosts_that_clients_make_up_are_remembered_up_to_a_bound():
    hosts = Hosts({"a.example": 1, "*.b.example": 2})

    def ask(numbers):
        for number in numbers:
            assert hosts.find(f"{number}.b.example") == 2
            assert hosts.find(f"{number}.evil.example") is None

    ask(range(1000))
    tracemalloc.start()
    try:
        ask(range(1000, 4000))
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
    assert hosts.find("a.example") == 1
    assert hosts.find("x" * 1_000_000) is None


@pytest.mark.parametrize(
    "sent", [None, 7, b"a.example", ["a.example"], "", "\u212aelvin.example", "a\n.example", "a.example.", "1.2.3.4."]
)
def test_a_text_that_is_not_a_host_means_no_key(sent):
    assert host_of(sent) is None
    assert Hosts({"kelvin.example": 1}).find(sent) is None


LABELS = st.sampled_from(["a", "b", "tenants", "xn--a", "a_b", "1"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "example"]))
PORTS = st.sampled_from(["", ":80", ":443", ":8443", ":1"])
KEYS = st.builds(lambda star, name, port: f"{star}{name}{port}", st.sampled_from(["", "*."]), NAMES, PORTS)
SENT = st.builds(lambda name, port: f"{name}{port}", NAMES | NAMES.map(str.upper), PORTS) | st.text(max_size=20)


def meant(keys, sent):
    """
    Return the key that *sent* means, as the design says it. This way is slow.
    """
    name, colon, port = sent.lower().partition(":")
    wanted = f":{port}" if port not in ("", "80", "443") else ""
    found = [
        (not star, len(tail), bool(own), key)
        for key in keys
        for star, tail, own in [(key.startswith("*"), *_parts(key))]
        if own in ("", wanted) and (name.endswith(f".{tail}") if star else name == tail)
    ]
    return max(found)[3] if found and (colon == "" or port.isdecimal()) else None


def _parts(key):
    name, _, port = key.removeprefix("*.").partition(":")
    return name, f":{port}" if port else ""


@given(st.sets(KEYS, max_size=8), SENT)
@example({"*.a.example", "*.b.a.example:8443"}, "c.b.a.example")
@example({"*.a.example:8443", "b.a.example"}, "b.a.example:8443")
def test_the_fast_lookup_finds_the_key_that_the_design_says(keys, sent):
    spelled = {key_of(key) for key in keys}
    hosts = Hosts({key: key for key in spelled})
    expected = meant(spelled, sent) if host_of(sent) is not None else None
    assert hosts.find(sent) == expected
    # The second answer comes from memory, and is the same.
    assert hosts.find(sent) == expected


@given(st.sets(KEYS, min_size=2, max_size=8), SENT, st.data())
def test_no_origin_of_one_tenant_is_granted_on_the_host_of_another(keys, sent, data):
    spelled = sorted({key_of(key) for key in keys})
    origins = {key: f"https://{number}.front.example" for number, key in enumerate(spelled)}
    policies = Policies({"hosts": {key: {"allow_origins": [origin]} for key, origin in origins.items()}})
    origin = data.draw(st.sampled_from([*origins.values()]))
    policy = policies.policy_for("/", sent)
    key = meant(spelled, sent) if host_of(sent) is not None else None
    if key is None:
        assert policy == UNGUARDED
    else:
        granted = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).refusal is None
        assert granted is (origins[key] == origin)


@given(st.text() | st.integers() | st.none() | st.binary())
def test_no_host_header_raises(sent):
    assert Policies(HOSTS).policy_for("/", sent) is not ...
    assert explain(HOSTS, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP, "HTTP_HOST": sent}).verdict


def test_a_host_without_a_key_is_explained():
    environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": ORIGINS["acme"]}
    told = explain(HOSTS, {**environ, "HTTP_HOST": "api.acme.example"})
    assert told.goes_on
    assert ("Access-Control-Allow-Origin", ORIGINS["acme"]) in told.headers
    told = explain(HOSTS, {**environ, "HTTP_HOST": "y.tenants.example"})
    assert (told.goes_on, told.headers) == (False, (("Vary", "Origin"),))
    unnamed = {explain(HOSTS, {**environ, **more}).verdict for more in ({}, {"HTTP_HOST": "evil.example"})}
    other = explain(HOSTS, {**environ, "HTTP_HOST": "paths.example"}).verdict
    assert len(unnamed) == 1
    assert "Host" in unnamed.pop()
    assert other == explain({"/api": LISTED}, environ).verdict


FILE = """
[policies.acme]
allow_origins = ["https://acme.example"]

[policies.globex]
extends = "acme"
allow_origins = ["https://globex.example"]

[hosts]
"api.acme.example" = "acme"
"closed.example" = "none"
"own.example" = "unguarded"

[hosts."*.globex.example".paths]
"/api" = "globex"
"/admin" = "none"

[hosts."*.globex.example".paths."/open"]
allow_origins = "*"

[hosts."inline.example"]
allow_origins = ["https://inline.example"]

[environments.development.policies.acme]
allow_origins = ["http://localhost:3000"]

[environments.development.policies."inline.example"]
max_age = 0

[environments.live]
production = true
"""


def test_a_file_may_have_hosts(tmp_path):
    file = tmp_path / "cors.toml"
    file.write_text(FILE)
    live = Configuration.from_file(file, "live").guarded
    assert {*live.named} == {"acme", "globex", "*.globex.example/open", "inline.example"}
    assert live.policy_for("/", "api.acme.example").allow_origins == ("https://acme.example",)
    assert live.policy_for("/api", "x.globex.example").allow_origins == ("https://globex.example",)
    assert live.policy_for("/open", "x.globex.example").allow_origins == "*"
    assert live.policy_for("/admin", "x.globex.example") is None
    assert live.policy_for("/x", "x.globex.example") == live.policy_for("/", "own.example") == UNGUARDED
    assert live.policy_for("/x", "closed.example") is None
    assert live.policy_for("/x", "evil.example") == UNGUARDED
    development = Configuration.from_file(file, "development")
    there = development.guarded
    assert there.policy_for("/", "api.acme.example").allow_origins == ("http://localhost:3000",)
    assert there.policy_for("/", "inline.example").max_age == 0
    file.write_text(str(development))
    assert Configuration.from_file(file).guarded.policy == there.policy
    assert Configuration.from_file(file).guarded.named == there.named


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"hosts": []}, [("E813", "hosts")]),
        ({"hosts": {"a.example": 7}}, [("E813", 'hosts."a.example"')]),
        ({"hosts": {"a.example": "nobody"}}, [("E814", 'hosts."a.example"')]),
        ({"hosts": {"A.example": "app"}}, [("E808", 'hosts."A.example"')]),
        ({"hosts": {"a.example": "app", "a.example:443": "app"}}, [("E809", 'hosts."a.example:443"')]),
        ({"hosts": {"a.example": {"paths": {"api": "app"}}}}, [("E802", 'hosts."a.example".paths.api')]),
        (
            {"hosts": {"a.example": {"paths": {"/api": "app"}, "max_age": 1}}},
            [("E803", 'hosts."a.example".max_age')],
        ),
        ({"hosts": {"a.example": "app"}, "paths": {"/": "app"}}, [("E803", "paths")]),
        ({"hosts": {"app": {"allow_origins": "*"}}}, [("E813", "policies.app")]),
        ({"hosts": {"a.example": {"allow_origins": APP}}}, [("E102", 'hosts."a.example".allow_origins')]),
        ({"hots": {"a.example": "app"}}, [("E812", "hots")]),
    ],
)
def test_a_mistake_about_hosts_in_a_file_is_reported_with_its_place(more, told):
    with pytest.raises(PolicyError) as refusal:
        Configuration.from_mapping({"policies": {"app": {"allow_origins": [APP]}}, **more})
    assert [(problem.code, problem.field) for problem in refusal.value.problems] == told
