"""
What a policy takes, and what a caller can rely on once it exists.
"""

import copy
import dataclasses
import inspect
import os
import pickle
import pydoc
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType

import pytest
from kit.building import APP, FULL, OTHER, VARY, Source, problems
from kit.naming import steady

from corsguard import OriginPattern, Policy, PolicyError, cors, negotiate
from corsguard.negotiation import answers_of


def test_the_defaults_are_those_of_the_manual():
    policy = Policy(allow_origins=[APP])
    assert policy.allow_methods == ("GET", "HEAD", "POST")
    assert policy.allow_headers == policy.expose_headers == ()
    assert policy.allow_credentials is False
    assert policy.max_age == 7200
    assert policy.preflight_status == 204
    assert policy.allow_unsafe_origins == {}
    assert policy.warnings == ()
    assert policy.may_block is False


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([APP, OTHER], (APP, OTHER)),
        ((OTHER, APP), (OTHER, APP)),
        ({OTHER, APP}, (APP, OTHER)),
        (frozenset({OTHER, APP}), (APP, OTHER)),
        ([APP, OTHER, APP], (APP, OTHER)),
        ("*", "*"),
    ],
    ids=steady,
)
def test_origins_are_kept_in_one_form(given, kept):
    assert Policy(allow_origins=given).allow_origins == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [(600, 600), (0, 0), (86400, 86400), (None, None), (timedelta(minutes=10), 600), (timedelta(0), 0)],
    ids=steady,
)
def test_max_age_is_kept_in_seconds(given, kept):
    assert Policy(allow_origins="*", max_age=given).max_age == kept


@pytest.mark.parametrize("status", [200, 204, HTTPStatus.OK])
def test_a_preflight_status_is_200_or_204(status):
    assert Policy(allow_origins="*", preflight_status=status).preflight_status == status


@pytest.mark.parametrize(
    "keywords",
    [
        {"allow_origins": ["https://*.example.com", "http://localhost:*"]},
        {"allow_origins": [APP], "allow_methods": []},
        {"allow_origins": [APP], "allow_methods": ["FROB", "frob", "x-custom"]},
        {"allow_origins": "*", "allow_methods": "*", "allow_headers": "*", "expose_headers": "*"},
        {"allow_origins": "*", "allow_headers": ["*", "authorization"]},
        {"allow_origins": "*", "allow_headers": {"AUTHORIZATION", "*"}},
        {"allow_origins": [APP], "allow_headers": ["Content-Type", "Authorization", "User-Agent", "!"]},
        {"allow_origins": [APP], "expose_headers": ["Authorization", "Content-Length", "Date", "Via"]},
        # With credentials, loopback may be plain http, a custom scheme is not plain http, and private suffixes are not
        # open.
        {"allow_origins": ["http://localhost:3000"], "allow_credentials": True},
        {"allow_origins": ["http://a.localhost", "http://localhost."], "allow_credentials": True},
        {"allow_origins": ["http://127.0.0.1:*", "http://127.9.9.9"], "allow_credentials": True},
        {"allow_origins": ["http://[::1]"], "allow_credentials": True},
        {"allow_origins": ["http://*.localhost", "https://*.localhost"], "allow_credentials": True},
        {"allow_origins": ["https://*.internal", "https://*.local"], "allow_credentials": True},
        {"allow_origins": ["capacitor://localhost", "chrome-extension://abc"], "allow_credentials": True},
        {"allow_origins": ["https://192.168.0.1", "https://me.github.io"], "allow_credentials": True},
        {"allow_origins": ["https://*.me.github.io"], "allow_credentials": True},
        {"allow_origins": ["https://v2--shop.netlify.app"], "allow_credentials": True},
        # Without credentials none of these is dangerous.
        {"allow_origins": ["http://192.168.0.1", "https://*.com", "https://*.github.io"]},
        {"allow_unsafe_origins": {"null": "the kiosk opens a file"}},
        {"allow_unsafe_origins": {"http://a.example": "no TLS", "https://*.github.io": "x"}, "allow_credentials": True},
        {"allow_unsafe_origins": {"https://*--shop.netlify.app": "previews"}, "allow_credentials": True},
        {"allow_origins": [], "allow_unsafe_origins": MappingProxyType({"http://a.example": "no TLS"})},
    ],
    ids=steady,
)
def test_a_valid_policy_without_danger_builds(keywords):
    assert problems(**keywords) == []


def test_a_policy_is_immutable():
    policy = Policy(**FULL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.allow_credentials = False
    with pytest.raises(dataclasses.FrozenInstanceError):
        del policy.max_age
    with pytest.raises(TypeError):
        policy.allow_unsafe_origins["null"] = "because"
    for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
        assert isinstance(getattr(policy, name), tuple)


def test_a_policy_does_not_change_with_the_lists_it_was_built_from():
    origins, unsafe = [APP], {"http://a.example": "no TLS"}
    policy = Policy(allow_origins=origins, allow_unsafe_origins=unsafe, allow_credentials=True)
    origins.append(OTHER)
    unsafe["http://b.example"] = "another"
    assert policy.allow_origins == (APP,)
    assert policy.allow_unsafe_origins == {"http://a.example": "no TLS"}
    for origin in (OTHER, "http://b.example"):
        assert negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).headers == (VARY,)


def test_policies_with_equal_keywords_are_equal():
    assert Policy(**FULL) == Policy(**FULL)
    assert hash(Policy(**FULL)) == hash(Policy(**FULL))
    assert Policy(**FULL).fingerprint == Policy(**FULL).fingerprint
    assert len({Policy(**FULL), Policy(**FULL), Policy(**{**FULL, "max_age": 601})}) == 2
    assert Policy(allow_origins={OTHER, APP}) == Policy(allow_origins=[APP, OTHER, APP])
    assert Policy(allow_origins=[APP], max_age=timedelta(seconds=5)) == Policy(allow_origins=[APP], max_age=5)


@pytest.mark.parametrize(
    "change",
    [
        {"allow_origins": [APP]},
        {"allow_methods": ["GET"]},
        {"allow_headers": ["X"]},
        {"expose_headers": []},
        {"max_age": 601},
        {"preflight_status": 204},
        {"share_timing": False},
        {"allow_unsafe_origins": {}},
        {"allow_unsafe_origins": {"http://kiosk.corp.example": "another reason"}},
    ],
    ids=steady,
)
def test_policies_that_differ_in_any_keyword_are_not_equal(change):
    assert Policy(**{**FULL, **change}) != Policy(**FULL)
    assert Policy(**{**FULL, **change}).fingerprint != Policy(**FULL).fingerprint


def test_a_policy_with_a_source_can_be_hashed_even_if_the_source_cannot():
    class Unhashable(Source):
        __hash__ = None

    first, second = Unhashable(), Unhashable()
    assert isinstance(hash(Policy(allow_origins=first)), int)
    assert Policy(allow_origins=first).fingerprint == Policy(allow_origins=first).fingerprint
    assert Policy(allow_origins=first).fingerprint != Policy(allow_origins=second).fingerprint


def test_the_repr_of_a_policy_has_all_keywords():
    assert repr(Policy(allow_origins=[APP])) == (
        "Policy(allow_origins=('https://app.example.com',), allow_methods=('GET', 'HEAD', 'POST'), allow_headers=(), "
        "expose_headers=(), allow_credentials=False, max_age=7200, preflight_status=204, "
        "share_timing=False, allow_unsafe_origins={})"
    )


@pytest.mark.parametrize(
    "again",
    [
        lambda policy: pickle.loads(pickle.dumps(policy)),
        copy.copy,
        copy.deepcopy,
        dataclasses.replace,
        lambda policy: Policy.from_mapping({name: getattr(policy, name) for name in FULL}),
    ],
    ids=["pickle", "copy", "deepcopy", "replace", "from_mapping"],
)
def test_a_copy_of_a_policy_is_the_same_policy(again):
    policy = Policy(**FULL)
    copied = again(policy)
    assert copied == policy
    assert copied.warnings == policy.warnings
    for origin in (APP, "https://a.partner.example", "http://kiosk.corp.example", OTHER):
        environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}
        assert negotiate(copied, environ) == negotiate(policy, environ)


def test_a_changed_copy_is_validated_like_a_new_policy():
    policy = Policy(**FULL)
    assert dataclasses.replace(policy, max_age=0).max_age == 0
    with pytest.raises(PolicyError) as refusal:
        dataclasses.replace(policy, allow_origins="*")
    assert [problem.code for problem in refusal.value.problems] == ["E301", "E314"]


def test_an_instance_of_a_subclass_is_a_policy():
    class Ours(Policy):
        pass

    ours = Ours(allow_origins=[APP])
    assert negotiate(ours, {"HTTP_ORIGIN": APP}).refusal is None
    assert isinstance(Ours.from_mapping({"allow_origins": [APP]}), Ours)


def test_help_lists_the_keywords():
    text = pydoc.render_doc(Policy, renderer=pydoc.plaintext)
    assert "PolicyKeywords" not in text
    assert "max_age: int | datetime.timedelta | None = 7200" in text
    assert [*inspect.signature(Policy).parameters] == [*FULL]
    assert [*inspect.signature(cors).parameters] == ["policy", *FULL]


def test_a_policy_can_be_shared_between_threads():
    policy = Policy(allow_origins=["https://*.example.com"], expose_headers=["ETag"])
    barrier = threading.Barrier(8)

    def ask(worker):
        barrier.wait()
        for i in range(500):
            # Every thread uses the same origins at the same time, so all of them write to the same memory.
            for origin, granted in ((f"https://a{i}.example.com", True), (f"https://a{i}.example.net", False)):
                decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})
                expected = (("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "ETag"))
                assert decision.headers == ((*expected, VARY) if granted else (VARY,))
        return worker

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == list(range(8))


def test_a_set_of_origins_is_the_same_policy_in_every_process():
    # The order of a set of strings differs between processes. The policy must not.
    import subprocess
    import sys

    code = (
        "from corsguard import Policy; p = Policy(allow_origins={'https://a.example', 'https://b.example', "
        "'http://localhost', 'http://127.0.0.1'}, expose_headers={'A', 'B', 'C'}); "
        "print(p, [w.value for w in p.warnings])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_a_policy_has_its_keywords_and_nothing_else():
    assert [keyword.name for keyword in dataclasses.fields(Policy)] == [*FULL]
    policy = Policy(**FULL)
    negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert {*dataclasses.asdict(policy)} == {*FULL}
    for name in FULL:
        assert f"{name}={getattr(policy, name)!r}" in repr(policy)


@pytest.mark.parametrize(
    "keywords",
    [
        FULL,
        {"allow_origins": "*"},
        {"allow_origins": [APP], "max_age": None},
        {"allow_origins": [APP], "max_age": timedelta(minutes=1)},
        {"allow_unsafe_origins": {"null": "a kiosk", "http://a.example": "no TLS"}},
    ],
    ids=steady,
)
def test_a_policy_can_be_built_from_its_own_data(keywords):
    policy = Policy(**keywords)
    again = Policy(**dataclasses.asdict(policy))
    assert again == policy
    assert again.warnings == policy.warnings
    assert Policy.from_mapping(dataclasses.asdict(policy)) == policy


def test_compiled_data_is_neither_pickled_nor_copied():
    policy = Policy(**FULL)
    before = pickle.dumps(policy)
    negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert pickle.dumps(policy) == before
    assert b"Audience" not in before
    assert b"Decision" not in before


def test_a_copy_of_a_policy_is_the_policy_itself_and_so_keeps_its_source():
    source = Source(APP)
    policy = Policy(allow_origins=source)
    assert copy.copy(policy) is policy
    assert copy.deepcopy(policy) is policy
    assert copy.deepcopy({"/api": [policy]})["/api"][0].allow_origins is source
    assert dataclasses.replace(policy, max_age=0).allow_origins is source


def test_reasons_of_unsafe_origins_are_an_immutable_mapping():
    given = {"http://kiosk.corp.example": "no TLS", "null": "a kiosk"}
    reasons = Policy(allow_unsafe_origins=given).allow_unsafe_origins
    assert reasons == given
    assert [*reasons.items()] == [*given.items()]
    assert repr(reasons) == repr(given)
    assert copy.deepcopy(reasons) is reasons
    assert pickle.loads(pickle.dumps(reasons)) == reasons
    assert hash(reasons) == hash(Policy(allow_unsafe_origins=dict(reversed(given.items()))).allow_unsafe_origins)
    with pytest.raises(TypeError):
        del reasons["null"]


def test_the_patterns_of_a_policy_are_those_it_lists():
    policy = Policy(
        allow_origins=[APP, "https://*.example.com"],
        allow_unsafe_origins={"null": "a kiosk", "http://a.example": "no TLS"},
    )
    listed = (APP, "https://*.example.com", "http://a.example")
    assert policy.patterns == tuple(OriginPattern.parse(text) for text in listed)
    assert Policy(allow_origins="*").patterns == Policy(allow_origins=Source()).patterns == ()


def test_the_audience_says_whether_an_origin_is_covered_and_by_what():
    audience = Policy(
        allow_origins=[APP, "https://*.example.com"],
        allow_unsafe_origins={"null": "a kiosk", "http://a.example": "no TLS"},
    ).audience
    assert audience.exact == {APP, "null", "http://a.example"}
    assert audience.source is None
    for origin, entries in (
        (APP, [APP, "https://*.example.com"]),
        ("https://b.example.com", ["https://*.example.com"]),
        ("null", ["null"]),
        ("http://a.example", ["http://a.example"]),
        (OTHER, []),
        ("", []),
        ("https://b.example.com/", []),
    ):
        assert audience.covers(origin) is bool(entries)
        assert [*audience.patterns_for(origin)] == entries
    assert audience.covers("https://" + "a" * 1000) is False


def test_an_audience_of_everyone_covers_every_text():
    audience = Policy(allow_origins="*").audience
    assert audience.is_everyone
    for text in (APP, "null", "", "a" * 10_000):
        assert audience.covers(text) is True


def test_an_audience_with_a_source_does_not_know_and_asks_nobody():
    source = Source(APP)
    audience = Policy(
        allow_origins=source, allow_unsafe_origins={"http://a.example": "no TLS"}, allow_credentials=True
    ).audience
    assert audience.source is source
    assert [audience.covers(origin) for origin in (APP, OTHER, "http://localhost")] == [None] * 3
    assert audience.covers("http://a.example") is True
    assert [audience.covers(origin) for origin in ("http://b.example", "null", "", f"{APP}/")] == [False] * 4
    assert source.asked == []


def test_results_of_a_policy_cannot_be_changed():
    policy = Policy(allow_origins=[APP])
    answers = answers_of(policy)
    for name in [field.name for field in dataclasses.fields(answers)]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(answers, name, None)
    for name in ("audience", "patterns", "warnings", "may_block"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(policy, name, None)
    with pytest.raises(AttributeError):
        policy.audience.exact.add(OTHER)
