# ruff: noqa: E501 - one request under one policy is one row
"""
A request is rehearsed under a policy, and the proposed fix grants it.
"""

from dataclasses import replace

import flask
import pytest
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from fastapi import FastAPI
from kit.checking import Server
from kit.configuring import hello
from kit.explaining import APP, document, run

from corsguard import CORSMiddleware, CrossOriginProtection, Policy, asgi, diagnosis
from corsguard.configuration import Configuration
from corsguard.diagnosis.asking import with_value
from corsguard.diagnosis.guarded import guarded_by, load_guarded
from corsguard.diagnosis.rehearsal import rehearse, staged
from corsguard.explanation import explain as explain_request
from corsguard_flask import CORSGuard

# The policy, the request, the reason, and what to change (for each line of the file).
UNDER = [
    ({}, {}, None, {}),
    ({}, {"origin": "https://www.example.com"}, "missing_allow_origin", {"allow_origins": [APP, "https://www.example.com"]}),
    ({}, {"method": "PUT"}, "method_not_allowed", {"allow_methods": ["GET", "HEAD", "POST", "PUT"]}),
    ({}, {"method": "POST", "headers": ["Content-Type"]}, "header_not_allowed", {"allow_headers": ["Content-Type"]}),
    ({}, {"method": "POST", "headers": ["content-type: text/plain"]}, None, {}),
    ({}, {"headers": ["X-A", "X-B: 1"]}, "header_not_allowed", {"allow_headers": ["X-A", "X-B"]}),
    ({}, {"credentials": True}, "allow_credentials_not_true", {"allow_credentials": True}),
    (
        {"allow_headers": ["X-A"]},
        {"origin": "https://b.example", "method": "PUT", "headers": ["X-A", "X-B"], "credentials": True},
        "preflight_missing_allow_origin",
        {
            "allow_origins": [APP, "https://b.example"],
            "allow_methods": ["GET", "HEAD", "POST", "PUT"],
            "allow_headers": ["X-A", "X-B"],
            "allow_credentials": True,
        },
    ),
    ({"allow_origins": "*"}, {"credentials": True}, "wildcard_with_credentials", {"allow_origins": [APP], "allow_credentials": True}),
    (
        {"allow_origins": "*", "allow_headers": "*"},
        {"credentials": True},
        "wildcard_with_credentials",
        {"allow_origins": [APP], "allow_credentials": True, "allow_headers": ["Content-Type", "Authorization"]},
    ),
    ({"allow_origins": "*", "allow_headers": "*"}, {"headers": ["Authorization"]}, "header_not_allowed", {"allow_headers": ["*", "Authorization"]}),
    ({"allow_origins": "*"}, {"origin": "null"}, None, {}),
    ({}, {"origin": "null"}, "missing_allow_origin", {"allow_origins": "*"}),
    ({"allow_credentials": True}, {"origin": "http://b.example"}, "missing_allow_origin", None),
    ({"allow_credentials": True}, {"origin": "http://app.example.com", "credentials": True}, "missing_allow_origin", {}),
    ({}, {"method": "patch"}, "method_not_allowed", {"allow_methods": ["GET", "HEAD", "POST", "PATCH"]}),
    (
        {"allow_origins": ["https://*.github.io", "https://b.example"]},
        {"origin": "https://me.github.io", "credentials": True},
        "allow_credentials_not_true",
        {"allow_origins": ["https://b.example", "https://me.github.io"], "allow_credentials": True},
    ),
    ({"allow_origins": ["http://b.example"]}, {"origin": "http://b.example", "credentials": True}, "allow_credentials_not_true", None),
    (
        {"allow_unsafe_origins": {"http://b.example": "a kiosk"}},
        {"origin": "null"},
        "missing_allow_origin",
        {"allow_origins": "*", "allow_unsafe_origins": {}},
    ),
    ({}, {"method": "TRACE"}, "forbidden_method", None),
]  # fmt: skip


def asked_of(asked):
    headers = [with_value(*map(str.strip, text.split(":"))) for text in asked.get("headers", ())]
    credentials = asked.get("credentials", False)
    return staged(asked.get("origin", APP), "/items", asked.get("method", "GET"), headers, with_credentials=credentials)


@pytest.mark.parametrize(("keywords", "asked", "reason", "fix"), UNDER)
def test_a_request_is_rehearsed_and_its_fix_grants_it(module, keywords, asked, reason, fix):
    said = {"allow_origins": [APP], **keywords}
    module.write_text(f"API = {said!r}\n")
    asked = asked_of(asked)
    told = rehearse(load_guarded(f"{module.stem}:API"), asked)
    assert (told.error.reason if told.error else None) == reason
    changed = {keyword: value for change in told.edits for keyword, value in change.fix.policy.items()}
    assert fix is None or changed == fix
    assert fix is None or not [problem for change in told.edits for problem in change.problems]
    if changed and fix is not None:
        repaired = replace(Policy(**said), **changed)
        environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": asked.page_origin}
        outcome = explain_request(repaired, environ)
        assert outcome.goes_on_with_credentials if asked.with_credentials else outcome.goes_on


@pytest.mark.parametrize(("keywords", "asked", "reason", "fix"), UNDER)
def test_a_rehearsal_is_printed_as_text_and_as_json(module, keywords, asked, reason, fix):
    module.write_text(f"API = { ({'allow_origins': [APP]} | keywords)!r}\n")
    arguments = ["--page", asked.get("origin", APP), "-X", asked.get("method", "GET"), "--path", "/items"]
    arguments += [word for text in asked.get("headers", ()) for word in ("-H", text)]
    arguments += ["--credentials"] * asked.get("credentials", False)
    done = run(f"{module.stem}:API", *arguments)
    assert done.exit_code == (0 if reason is None else 1)
    assert done.stdout.startswith("SHARED  " if reason is None else "BLOCKED  ")
    data = document(f"{module.stem}:API", *arguments)
    assert (data["shared"], data["reason"]) == (reason is None, reason)
    assert data["verdict"] in done.stdout
    for change in data["changes"]:
        assert "\n    ".join([f"Change {change['place']}", *change["lines"]]) in done.stdout


ITEMS = {"allow_origins": [APP], "allow_methods": ["GET"]}
BY_PATH = {"paths": {"/": None, "/items": ITEMS}}
PUT = '..., "allow_methods": ["GET", "PUT"]'
PUT_BY_PATH = f'{{"paths": {{..., "/items": {{{PUT}}}}}}}'


@pytest.mark.parametrize(
    ("policies", "host", "code"),
    [
        (ITEMS, None, f"{{{PUT}}}"),
        (BY_PATH, None, PUT_BY_PATH),
        (BY_PATH["paths"], None, PUT_BY_PATH),
        (Configuration.from_mapping(BY_PATH), None, PUT_BY_PATH),
        ({"hosts": {"a.example": BY_PATH}}, "a.example", f'{{"hosts": {{..., "a.example": {PUT_BY_PATH}}}}}'),
        (
            {"hosts": {"*.example": ITEMS, "b.example": None}},
            "a.example",
            f'{{"hosts": {{..., "*.example": {{{PUT}}}}}}}',
        ),
    ],
    ids=["one", "paths", "a mapping by path", "a configuration", "paths of a host", "a host"],
)
def test_the_line_to_change_is_on_the_level_of_its_policy(policies, host, code):
    def told(guarded):
        (edit,) = rehearse(guarded_by(guarded), staged(APP, "/items", "PUT", host=host)).edits
        return edit.fix.written()

    app = flask.Flask("shop")
    CORSGuard(app, policies)
    starlette = FastAPI()
    starlette.add_middleware(asgi.CORSMiddleware, policy=policies)
    assert told(CORSMiddleware(hello, policies)) == [f"CORSMiddleware(application, {code})"]
    assert told(asgi.CORSMiddleware(FastAPI(), policies)) == [f"CORSMiddleware(app, {code})"]
    assert told(asgi.CORSGuard(FastAPI(), policies)) == [f"CORSGuard(app, {code})"]
    assert told(app) == [f"CORSGuard(app, {code})"]
    assert told(starlette) == [f"app.add_middleware(CORSMiddleware, policy={code})"]
    with override_settings(CORSGUARD=policies, MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"]):
        assert told(get_wsgi_application()) == [f"CORSGUARD = {code}"]


@pytest.mark.parametrize(
    ("policies", "url", "said"),
    [
        (BY_PATH["paths"], "/Items/4", "/items/4 is guarded, and paths are case-sensitive: let the page request that"),
        ({"/caf\u00e9": ITEMS}, "/CAF%C3%89/4", "/caf\\u00E9/4 is guarded, and paths are case-sensitive"),
        ({"/items": ITEMS}, "/orders/A", "Give /orders/A a policy: under paths or hosts"),
        (
            {"hosts": {"a.example": ITEMS, "*.b.example": ITEMS}},
            "https://b.example:8443/items",
            'Give the host a policy: under hosts, with the key "b.example", or with @cors on its views.',
        ),
    ],
)
def test_what_no_policy_covers_is_told_by_what_is_missing(policies, url, said):
    found = diagnosis.check(CORSMiddleware(Server(), policies), page=APP, url=url)
    assert any(reason.startswith(said) for reason in found.rehearsal.reasons)


@pytest.mark.parametrize("key", ["b.example", "b.example:8443"])
def test_the_key_of_a_host_that_is_proposed_covers_it(key):
    app = CORSMiddleware(Server(), {"hosts": {"a.example": ITEMS, key: ITEMS}})
    assert diagnosis.check(app, page=APP, url="https://b.example:8443/items").verdict == "readable"


def test_a_policy_with_a_name_is_changed_under_its_name():
    named = Configuration.from_mapping({"policies": {"shop": ITEMS}, "paths": {"/items": "shop"}})
    (edit,) = rehearse(guarded_by(CORSMiddleware(hello, named)), staged(APP, "/items", "PUT")).edits
    assert edit.place.name == "the policy shop of the policy"
    assert edit.fix.written() == ['allow_methods=["GET", "PUT"]']


def test_a_page_on_http_is_to_be_listed_over_https_next_to_the_others():
    guarded = guarded_by({"allow_origins": [APP], "allow_credentials": True})
    rehearsal = rehearse(guarded, staged("http://b.example", "/items", with_credentials=True))
    assert [edit.fix.policy for edit in rehearsal.edits] == [{"allow_origins": [APP, "https://b.example"]}]
    assert rehearsal.fix.page == ("load it from https://b.example",)


def flask_application():
    app = flask.Flask("shop")
    CORSGuard(app, {"allow_origins": [APP]}, protection={})
    return app


@pytest.mark.parametrize(
    "made",
    [
        lambda: Configuration.from_mapping({"allow_origins": [APP], "protection": {}}),
        lambda: CORSMiddleware(hello, {"allow_origins": [APP]}, protection={}),
        flask_application,
    ],
    ids=["configuration", "wsgi", "flask"],
)
def test_a_page_may_read_and_not_act(made):
    """
    Protection refuses the request, though its page may read the answer.
    """
    guarded = guarded_by(made())
    rehearsal = rehearse(guarded, staged(APP, "/orders", "POST"))
    assert rehearsal.error is None
    assert "it may read the response, but protection" in rehearsal.verdict
    assert rehearsal.data()["exchanges"][-1]["may_act"] is False
    assert rehearsal.heard[-1].exchange.response.status == 403
    assert "but protection refuses" not in rehearse(guarded, staged(APP, "/orders")).verdict


def test_protection_in_a_file_and_in_django_is_used(tmp_path):
    file = tmp_path / "cors.toml"
    file.write_text('allow_origins = ["https://app.example.com"]\n[protection]\nmode = "report"\n')
    rehearsal = rehearse(load_guarded(str(file)), staged(APP, "/orders", "POST"))
    assert rehearsal.heard[-1].explanation.may_act is False
    assert rehearsal.heard[-1].exchange.response.status == 200
    with override_settings(
        CORSGUARD={"allow_origins": [APP]},
        CORSGUARD_PROTECTION={},
        MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
    ):
        assert guarded_by(get_wsgi_application()).protection == CrossOriginProtection()
