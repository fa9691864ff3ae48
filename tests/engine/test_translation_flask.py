"""
Options of `CORS(app, ...)`, translated to `CORSGuard`, and compared with flask-cors itself.
"""

import os
import re
from datetime import timedelta

import pytest
from flask import Blueprint, Flask, abort
from flask_cors import CORS, cross_origin
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from corsguard import Policies, PolicyError
from corsguard.expressions import patterns_of
from corsguard.moving import Draft, Placement, Translation
from corsguard_flask import CORSGuard, cors
from corsguard_flask.translation import translate, translate_view

APP = "https://app.example.com"
ORIGINS = [
    APP,
    "https://example.com",
    "https://a.example.com",
    "https://a.b.example.com",
    "https://a-b.example.com",
    "https://a_b.example.com",
    "https://pr-1.example.com",
    "https://axexample.com",
    "https://app.example.com.evil.example",
    "https://app.example.com:8443",
    "http://app.example.com",
    "http://localhost",
    "http://localhost:3000",
    "http://[::1]:3000",
    "https://evil.example",
]


def application(*paths):
    app = Flask("moving")
    for path in paths or ("/", "/api", "/api/x", "/api/x/y", "/apiary", "/public/x", "/other"):
        app.add_url_rule(path, path, lambda: "ok", methods=["GET", "PUT"])
    return app


def code_of(translation, *paths):
    """
    Run the printed code, and return the application that it guards.
    """
    app = application(*paths)
    exec(str(translation), {"app": app})
    return app


def active(translation):
    return [*translation.mapping.get("paths", [])]


def commented(translation):
    """
    Return the prefixes that the code has as comments.
    """
    return re.findall(r'# "(/[^"]*)": (?:shared|None)', str(translation))


def shares(app, origin, path="/"):
    response = app.test_client().get(path, headers={"Origin": origin})
    return response.headers.get("Access-Control-Allow-Origin") in {origin, "*"}


def notes_of(translation, keyword=None):
    notes = [note for notes in translation.notes for note in notes if keyword in {None, note.keyword}]
    return " ".join(note.text for note in notes)


def written(translation):
    return [text for notes in translation.notes for note in notes for text in note.write]


ENTRIES = [
    APP,
    "https://App.Example.com",
    "https://app.example.com/",
    "https://app.example.com:443",
    "https://app.example.com, https://a.example.com",
    "null",
    "https://*.example.com",
    r"https://.*\.example\.com",
    r"https://.*\.example\.com$",
    r"https://\w+\.example\.com$",
    r"https://[a-z_-]+\.example\.com$",
    r"HTTPS://PR-\d+\.example\.com$",
    r"https?://(.*\.)?example\.com$",
    r"http://localhost:\d+$",
    "http://localhost:*",
    "http://[::1]:3000",
    re.compile(r"https://.*example\.com"),
    re.compile(r"https://App\.example\.com$"),
    re.compile(r"https://App\.example\.com$", re.IGNORECASE),
    r"https://(?!evil).*$",
    ".*",
]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
@pytest.mark.parametrize("credentials", [False, True])
def test_no_origin_is_allowed_that_flask_cors_did_not_allow(entry, credentials):
    before, options = application(), {"origins": [entry], "supports_credentials": credentials}
    CORS(before, **options)
    translation = translate(Flask("moving"), **options)
    if translation.mapping["allow_origins"] == []:
        assert "Without an origin, this policy is refused" in str(translation)
        with pytest.raises(PolicyError, match="E101"):
            code_of(translation)
        return
    after = code_of(translation)
    allowed = [origin for origin in ORIGINS if shares(after, origin)]
    assert [origin for origin in allowed if not shares(before, origin)] == []
    assert allowed


@pytest.mark.parametrize(
    ("entry", "patterns"),
    [
        (APP, [APP]),
        ("https://App.Example.com", [APP]),
        (r"https://.*\.example\.com", ["https://*.example.com"]),
        ("http://localhost:*", ["http://localhost:*"]),
        ([APP, re.compile(r"https://.*\.example\.com$")], [APP, "https://*.example.com"]),
        ({"https://b.example", "https://a.example"}, ["https://a.example", "https://b.example"]),
    ],
)
def test_origins_are_translated_to_patterns(entry, patterns):
    assert translate(Flask("moving"), origins=entry).mapping["allow_origins"] == patterns


@pytest.mark.parametrize(
    ("entry", "patterns"),
    [
        ("https://app.example.com/", [APP]),
        ("https://a.example.com, https://b.example.com", ["https://a.example.com", "https://b.example.com"]),
        ("https://*.example.com", ["https://*.example.com"]),
        (r"https://\w+\.example\.com$", ["https://*.example.com"]),
        ("http://[::1]:3000", ["http://[::1]:3000"]),
        (r"http://localhost:\d+$", ["http://localhost:*"]),
    ],
)
def test_a_pattern_that_would_allow_more_is_a_comment(entry, patterns):
    translation = translate(Flask("moving"), origins=entry)
    assert translation.mapping["allow_origins"] == []
    assert written(translation) == patterns
    for pattern in patterns:
        assert f'# "{pattern}",' in str(translation)
    uncommented = re.sub(r'# ("http.*",)', r"\1", str(translation))
    exec(uncommented, {"app": application()})


@pytest.mark.parametrize(
    "expression",
    [
        r"https?://(localhost|192\.168\.\d+\.\d+)(:\d+)?",
        r"^(https?://192\.168\.\d+\.\d+|null)$",
        r"https://.*|http://localhost:.*",
        r"https?://(.*\.)?example\.com:?\d*/?.*",
    ],
)
def test_every_loss_of_an_expression_has_a_note(expression):
    covered = patterns_of(expression, ignore_case=True)
    translation = translate(Flask("moving"), origins=expression)
    assert translation.mapping["allow_origins"] == [*covered.spellings]
    for example in (covered.lost, *covered.also_lost):
        assert example in notes_of(translation)


@pytest.mark.parametrize(
    ("expression", "patterns"),
    [(r"^localhost:\d+$", ["https://localhost:*", "http://localhost:*"]), (r"^https://app\.example\.com/$", [])],
)
def test_an_expression_that_matches_nothing_has_a_note(expression, patterns):
    translation = translate(Flask("moving"), origins=[expression, APP])
    assert (translation.mapping["allow_origins"], written(translation)) == ([APP], patterns)
    assert "matches nothing that a browser sends" in notes_of(translation)


def test_everyone_without_credentials_is_a_star():
    translation = translate(Flask("moving"))
    assert translation.mapping == {
        "allow_origins": "*",
        "allow_methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": ["*", "Authorization"],
        "max_age": None,
    }
    assert "which is not set" in str(translation)
    assert shares(code_of(translation), "https://evil.example")


@pytest.mark.parametrize("origins", ["*", ["*", APP], [".*"]])
def test_everyone_with_credentials_is_refused_with_the_reason(origins):
    translation = translate(Flask("moving"), origins=origins, supports_credentials=True)
    assert translation.mapping["allow_origins"] == [APP] * (APP in origins)
    assert "every site read the data of logged-in users" in notes_of(translation)


def test_what_the_engine_refuses_is_left_out_with_its_reason_and_fix():
    translation = translate(Flask("moving"), origins=[APP, "http://plain.example"], supports_credentials=True)
    assert translation.mapping["allow_origins"] == [APP]
    assert "plain http and the policy allows credentials" in notes_of(translation)
    assert 'allow_unsafe_origins={"http://plain.example"' in notes_of(translation)


def test_refused_origins_are_left_out_even_if_nobody_is_left():
    translation = translate(Flask("moving"), origins=r"https://\w+\.example\.com$", allow_headers=["A, B", "C"])
    assert translation.mapping["allow_headers"] == ["C"]
    with pytest.raises(PolicyError) as refused:
        Policies(translation.mapping)
    assert [problem.code for problem in refused.value.problems] == ["E101"]
    assert "remove a #, or write" in notes_of(translation)


def test_a_pattern_that_the_engine_refuses_is_not_proposed():
    translation = translate(Flask("moving"), origins=[APP, r"https://pr-\d+\.github\.io$"], supports_credentials=True)
    assert written(translation) == []
    assert "where anyone can register a name" in notes_of(translation)


def policy(**options):
    return translate(Flask("moving"), origins=APP, **options)


@pytest.mark.parametrize(
    ("options", "keyword", "value"),
    [
        ({"methods": ["GET", "put"]}, "allow_methods", ["GET", "PUT"]),
        ({"methods": "GET, put"}, "allow_methods", ["GET", "PUT"]),
        ({"methods": "*"}, "allow_methods", []),
        ({"allow_headers": "Content-Type"}, "allow_headers", ["Content-Type"]),
        ({"allow_headers": ["Content-Type", "X-.*"]}, "allow_headers", ["Content-Type"]),
        ({"allow_headers": "*", "supports_credentials": True}, "allow_headers", ["Authorization", "Content-Type"]),
        ({"allow_headers": ["A, B", "C"]}, "allow_headers", ["C"]),
        ({"allow_headers": ["Cookie", "C"]}, "allow_headers", ["C"]),
        ({"expose_headers": "X-A, X-B"}, "expose_headers", ["X-A", "X-B"]),
        ({"expose_headers": {"X-B", "X-A"}}, "expose_headers", ["X-A", "X-B"]),
        ({"expose_headers": "*"}, "expose_headers", "*"),
        ({"expose_headers": ["*", "X-A"], "supports_credentials": True}, "expose_headers", ["X-A"]),
        ({"max_age": "600"}, "max_age", 600),
        ({"max_age": 0}, "max_age", None),
        ({"max_age": timedelta(minutes=1)}, "max_age", timedelta(minutes=1)),
        ({"max_age": timedelta(days=1)}, "max_age", 7200),
        ({"supports_credentials": True}, "allow_credentials", True),
        ({"supports_credentials": "true"}, "allow_credentials", True),
    ],
)
def test_an_option_becomes_a_keyword(options, keyword, value):
    translation = policy(**options)
    assert translation.mapping[keyword] == value
    Policies(translation.mapping)
    assert Policies(translation.mapping).policy == code_of(translation).extensions["corsguard"].policy


@pytest.mark.parametrize("value", ["false", "no", 0, ""])
def test_a_text_that_means_no_is_false(value):
    assert "allow_credentials" not in policy(supports_credentials=value).mapping
    taken = "allowed credentials there" if value else "allowed no credentials there"
    assert f"is not a bool. It {taken}; here it is False" in notes_of(policy(supports_credentials=value))


@pytest.mark.parametrize("max_age", ["soon", -1])
def test_a_max_age_without_meaning_is_left_out(max_age):
    translation = policy(max_age=max_age)
    assert "max_age" not in translation.mapping
    assert "left out" in notes_of(translation, "max_age")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vary_header": False}, "vary_header=False is left out"),
        ({"always_send": False}, "always_send=False is left out"),
        ({"automatic_options": False}, "automatic_options=False is left out"),
        ({"intercept_exceptions": False}, "intercept_exceptions=False is left out"),
        ({"send_wildcard": True}, "send_wildcard=True is left out"),
        ({"allow_private_network": True}, "no header can grant it"),
        (
            {"allow_header": "X"},
            "allow_header is unknown to flask-cors, so it had no effect; perhaps allow_headers was",
        ),
        ({"methods": ["GET", "OPTIONS"]}, "OPTIONS is left out"),
        ({"allow_headers": [re.compile("X-.*")]}, "X-.* is an expression"),
        ({"methods": "*"}, "never finds it"),
    ],
)
def test_each_difference_has_a_note(options, words):
    assert words in notes_of(policy(**options))


def test_an_option_without_effect_has_no_note():
    same = {"vary_header": True, "always_send": True, "automatic_options": True, "send_wildcard": False}
    changed = notes_of(translate(Flask("moving"), written={}, origins=APP, **same))
    assert changed == notes_of(translate(Flask("moving"), origins=APP))


def test_options_are_merged_as_flask_cors_does():
    app = Flask("moving")
    app.config.update(CORS_ORIGINS=["https://config.example"], CORS_MAX_AGE=60, CORS_METHODS=None, CORS_ORIGIN="typo")
    translation = translate(app, max_age=70, resources={"/api/*": {"max_age": 80}, "/public/*": {}})
    paths = translation.mapping["paths"]
    assert {path: keywords["max_age"] for path, keywords in paths.items()} == {"/api": 80, "/public": 70}
    assert paths["/api"]["allow_origins"] == ["https://config.example"]
    assert "CORS_ORIGIN in the config is unknown to flask-cors, so it had no effect; perhaps CORS_ORIGINS" in notes_of(
        translation
    )


def test_a_name_without_effect_is_left_out_and_its_note_proposes_nothing():
    translation = translate(Flask("shop"), origins=APP, expose_headers="Access-Control-Allow-Origin")
    (told,) = [note.text for note in translation.notes[1] if note.keyword == "expose_headers"]
    assert told.endswith("It is left out.")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"methods": ["GET", "PUT"]}, "POST was not listed"),
        ({"methods": ["PUT"]}, "GET and POST were not listed"),
        ({"methods": ["GET", "POST"]}, None),
        ({"methods": ["GET", "PUT"], "allow_headers": []}, None),
    ],
)
def test_methods_that_were_left_out_are_named(options, told):
    """
    The old list left the method out and allowed its headers. So it passes now.
    """
    before, after = application("/"), code_of(translate(Flask("moving"), origins=APP, **options), "/")
    CORS(before, origins=APP, **options)
    notes = notes_of(translate(Flask("moving"), origins=APP, **options), "allow_methods")
    assert (told or "not listed, so every") in notes if told else "not listed, so every" not in notes
    method = "GET" if options["methods"] == ["PUT"] else "POST"
    asked = {"Origin": APP, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
    allows = [
        app.test_client().options("/", headers=asked).headers.get("Access-Control-Allow-Headers") not in {None, ""}
        for app in (before, after)
    ]
    assert (allows == [False, True]) is bool(told)


def test_origins_listed_next_to_everyone_stay_in_a_comment():
    translation = translate(Flask("moving"), origins=["*", APP, "https://a.example.com", APP])
    assert translation.mapping["allow_origins"] == "*"
    assert 'To share only with the list: ["https://app.example.com", "https://a.example.com"]' in notes_of(translation)


def test_an_empty_expression_matches_everything_and_has_a_note():
    translation = translate(Flask("moving"), origins=[re.compile("")])
    assert 'r"", which is empty and matches everything: everyone' in notes_of(translation)


# Values that may differ in another process.


def test_an_expression_is_written_in_place_of_its_values(monkeypatch):
    monkeypatch.setenv("ORIGINS", "https://app.example.com,https://a.example.com")
    translation = translate(
        Flask("moving"),
        origins=os.environ["ORIGINS"].split(","),
        supports_credentials=os.environ.get("COOKIES") == "yes",
        allow_headers=["Content-Type"],
    )
    assert translation.mapping["allow_origins"] == [APP, "https://a.example.com"]
    assert """"allow_origins": os.environ['ORIGINS'].split(","),""".replace('"', "'") in str(translation).replace(
        '"', "'"
    )
    assert "the values are not in the source" in notes_of(translation, "allow_origins")
    assert "supports_credentials" in notes_of(translation, "allow_credentials")
    monkeypatch.setenv("ORIGINS", "https://c.example.com")
    scope = {"app": application(), "os": os}
    exec(str(translation), scope)
    assert shares(scope["app"], "https://c.example.com")


def test_a_proposal_is_printed_next_to_an_expression():
    """
    An entry that covered nothing is proposed in its right form. The expression keeps all others.
    """
    draft = Draft()
    draft.keywords["allow_origins"] = [APP]
    draft.note("allow_origins", "Remove the #:", "https://b.example.com")
    draft.come_from("allow_origins", "origins", [APP], "ORIGINS")
    translation = Translation.of("x = {policy}", [], [Placement("", draft)])
    scope = {"ORIGINS": [APP]}
    exec(str(translation), scope)
    assert scope["x"]["allow_origins"] == [APP]
    exec(str(translation).replace('# "https', '"https'), scope)
    assert scope["x"]["allow_origins"] == ["https://b.example.com", APP]


def test_one_string_of_a_variable_becomes_a_list(monkeypatch):
    monkeypatch.setenv("ORIGIN", APP)
    translation = translate(Flask("moving"), origins=os.environ["ORIGIN"])
    assert "[os.environ['ORIGIN']]" in str(translation)


def test_changed_values_are_printed_and_their_source_is_named(monkeypatch):
    monkeypatch.setenv("ORIGINS", f"{APP},null")
    translation = translate(Flask("moving"), origins=os.environ["ORIGINS"].split(","))
    assert "os.environ" in notes_of(translation, "allow_origins")
    assert "Write the value for all processes" in notes_of(translation, "allow_origins")
    assert code_of(translation).extensions["corsguard"].policy.allow_origins == (APP,)


def test_the_variable_of_a_view_is_printed_too(monkeypatch):
    monkeypatch.setenv("ORIGINS", APP)
    assert "allow_origins=os.environ['ORIGINS'].split(',')" in str(
        translate_view(origins=os.environ["ORIGINS"].split(","))
    )


def test_a_literal_has_no_note_about_its_source():
    translation = translate(Flask("moving"), origins=[APP], max_age=60)
    assert "source" not in notes_of(translation)


def test_resources_and_a_config_that_may_differ_are_named(monkeypatch):
    monkeypatch.setenv("ORIGINS", APP)
    translation = translate(Flask("moving"), resources={r"/api/*": {"origins": os.environ["ORIGINS"]}})
    assert "resources: these are the values in this process. The source says {'/api/*'" in notes_of(translation)
    app = Flask("moving")
    app.config["CORS_ORIGINS"] = [APP]
    assert "CORS_ORIGINS in the config: these are the values in this process" in notes_of(translate(app))


def of_resources(resources, app=None, **options):
    return translate(app or Flask("moving"), origins=APP, resources=resources, **options)


@pytest.mark.parametrize("resources", ["*", "/*", r".*", ["/*"], {"*": {}}, {r"/*": {}}])
def test_a_resource_of_all_paths_needs_no_paths(resources):
    assert "paths" not in of_resources(resources).mapping


@pytest.mark.parametrize(
    ("resources", "prefixes", "comments"),
    [
        (r"/api/*", ["/api"], []),
        ([r"/api/*", r"/public/.*"], ["/api"], ["/public"]),
        ({r"/api/*": {}, "/public/x": {}}, ["/api"], ["/public/x"]),
        (re.compile(r"/(api|public)/"), [], ["/api", "/public"]),
        ({r"/*": {}, r"/api/*": {}}, ["/api", "/"], []),
        ({r"/files/.*\.json": {}}, [], ["/PREFIX"]),
        ({r"/api/.*\.json": {}, r"/api/v\d+/": {}, r"/other": {}}, [], ["/other", "/PREFIX", "/PREFIX"]),
        ({"/": {}}, [], ["/PREFIX"]),
        ({"/": {}, r"/api/*": {}}, ["/api"], ["/PREFIX"]),
        # An undecided path is closed where a shorter prefix is open.
        ({"/api/x": {}, r"/*": {}}, ["/", "/api/x"], ["/api/x"]),
        ({r"/api/(?!x)": {}, r"/*": {}}, ["/", "/api"], ["/PREFIX"]),
        # An expression that matches any beginning decides for everything.
        ({r"/(?!x).*/api": {}, r"/*": {}}, [], ["/PREFIX", "/"]),
        # An expression that matches no path decides for none.
        (r"api/*", [], ["/api"]),
        ({r"api/*": {}, r"/*": {}, r"^$": {}}, ["/"], ["/api", "/PREFIX"]),
        ({r"api/.*(/.*)?": {}, r"/api/*": {}}, ["/api"], ["/api"]),
        (["/service path(/.*)?$", r"/a\+b(/.*)?$", "/x@y(/.*)?$"], ["/service path", "/a+b", "/x@y"], []),
    ],
)
def test_resources_become_prefixes(resources, prefixes, comments):
    translation = of_resources(resources)
    assert (active(translation), commented(translation)) == (prefixes, comments)
    Policies(translation.mapping)


@pytest.mark.parametrize(
    ("resources", "routes", "prefixes", "told"),
    [
        (r"/api/.*", ["/api/x"], ["/api"], "is read as"),
        (r"/api/.*", ["/api", "/api/x"], [], '"/api" also covers /api, where /api answers'),
        (r"/api/.*", ["/<name>", "/api/x"], [], '"/api" also covers /api, where /<name> answers'),
        (r"/api/.*", ["/<int:number>", "/api/x"], [], '"/api" also covers /api'),
        (r"/(api|v\d+)/.*", ["/api/x", "/v1/x", "/v2/x", "/x"], ["/api"], "also covered /v1/x and /v2/x, which"),
        ("/report", ["/report"], ["/report"], "is read as"),
        ("/report", ["/report", "/report/admin"], [], "also covers /report/admin, where /report/admin answers"),
        ("/report", ["/report", "/report/<path:rest>"], [], "where /report/<path:rest> answers"),
        ("/report", ["/<path:everything>"], [], "where /<path:everything> answers"),
        ("/report", ["/report/"], [], '"/report" also covers /report/'),
        ([r"/api/v\d+/.*"], ["/api/v1/x"], [], "is not a prefix"),
    ],
)
def test_the_routes_say_what_a_prefix_opens(resources, routes, prefixes, told):
    """
    A prefix is active only if no route answers more than before.
    """
    translation = of_resources(resources, application(*routes), supports_credentials=True)
    assert active(translation) == prefixes
    assert told in notes_of(translation)
    for route in {path for path in routes if "<" not in path}:
        if shares(code_of(translation, *routes), APP, route):
            before = application(*routes)
            CORS(before, origins=APP, resources=resources)
            assert shares(before, APP, route)


def test_a_resource_that_allows_nobody_is_closed():
    assert of_resources({r"/api/*": {"origins": []}, r"/*": {}}).mapping["paths"]["/api"] is None


def test_an_application_that_allows_nobody_shares_nothing():
    translation = translate(Flask("moving"), origins=[])
    assert translation.mapping == {"paths": {"/": None}}
    assert not shares(code_of(translation), APP)


def test_a_resource_that_flask_cors_never_reaches_is_left_out():
    translation = translate(Flask("moving"), resources=[r"/api/*", r"/api/x/*"])
    assert [*translation.mapping["paths"]] == ["/api"]
    assert "/api/x comes later in the old configuration" in notes_of(translation)


def test_paths_that_cannot_be_read_get_no_other_policy():
    translation = translate(Flask("moving"), resources={r"/api/\d+/secret": {"origins": APP}, r"/api/*": {}})
    assert translation.mapping == {"paths": {}}
    assert '"/api" covers the paths of the comment above' in notes_of(translation)


def test_one_policy_for_many_paths_is_printed_once():
    paths = [f"/v{number}/*" for number in range(11)]
    translation = of_resources({path: {"supports_credentials": True} for path in paths})
    assert str(translation).count("allow_origins") == 1
    assert str(translation).count(": shared,") == 11
    assert code_of(translation).extensions["corsguard"].policy == Policies(translation.mapping).policy


@pytest.mark.parametrize("resources", [5, None, [5], {"/api/*": None}, {5: {}}, {"/api/*": [APP]}])
def test_a_value_that_is_not_a_resource_is_refused(resources):
    with pytest.raises(TypeError, match="Expected resources to be a path"):
        translate(Flask("moving"), resources=resources)


@pytest.mark.parametrize("app", [None, "app", Flask])
def test_a_value_that_is_not_an_application_is_refused(app):
    with pytest.raises(TypeError, match="Expected a Flask application or a blueprint"):
        translate(app)


RESOURCES = [
    {r"/api/*": {}},
    {r"/api/x/*": {"origins": "https://a.example.com"}, r"/api/*": {}},
    {r"/api/*": {"origins": []}, r"/*": {}},
    {r"/*": {}, r"/public/*": {"origins": "https://a.example.com"}},
    [r"/public/*", r"/api/.*"],
    {"/api/x": {"origins": "https://a.example.com"}, r"/api/.*": {}},
]


@pytest.mark.parametrize("resources", RESOURCES, ids=str)
def test_each_path_is_shared_as_before_except_what_the_notes_say(resources):
    before = application()
    CORS(before, origins=APP, resources=resources)
    translation = translate(application(), origins=APP, resources=resources)
    after = code_of(translation)
    for path in ("/", "/api", "/api/x", "/api/x/y", "/apiary", "/public/x", "/other"):
        for origin in (APP, "https://a.example.com"):
            if shares(before, origin, path) and not shares(after, origin, path):
                assert commented(translation) or f"also covered {path}" in notes_of(translation)
            if shares(after, origin, path) and not shares(before, origin, path):
                assert f"also covered {path}" in notes_of(translation)


def test_middleware_around_the_application_is_named():
    app = application()

    def without_prefix(environ, start_response, inner=app.wsgi_app):
        return inner(environ, start_response)

    assert "stands around" not in notes_of(translate(app))
    app.wsgi_app = without_prefix
    assert "without_prefix wraps 'moving'. flask-cors saw only what it passes on" in notes_of(translate(app))


@pytest.mark.parametrize(
    ("wrap", "is_named"), [(lambda inner: DispatcherMiddleware(inner, {"/metrics": inner}), True), (ProxyFix, False)]
)
def test_a_layer_that_answers_itself_is_named(wrap, is_named):
    """
    The guard would share what such a layer answers, and flask-cors never saw it.
    """
    app = application()
    app.wsgi_app = wrap(app.wsgi_app)
    assert ("or answers some itself" in notes_of(translate(app))) is is_named


def test_websockets_that_the_guard_closes_are_named():
    """
    flask-cors leaves a WebSocket to the application, and the guard refuses other origins.
    """
    app = application()
    assert "WebSockets" not in notes_of(translate(app, origins=APP))
    app.add_url_rule("/live", "live", lambda: "ok", websocket=True)
    assert "/live: WebSockets were open to every page" in notes_of(translate(app, origins=APP))


@pytest.mark.parametrize(("is_fixed", "told"), [(True, False), (False, True)], ids=["in the source", "of this process"])
def test_a_mapping_of_options_is_named(monkeypatch, is_fixed, told):
    monkeypatch.setenv("ORIGIN", APP)
    options = {"origins": APP} if is_fixed else {"origins": os.environ["ORIGIN"]}
    fixed = translate(Flask("moving"), origins="https://app.example.com")
    found = fixed if is_fixed else translate(Flask("moving"), **options)
    assert ("origins: these are the values in this process. The source says **options" in notes_of(found)) is told


def test_errors_that_had_no_headers_are_named():
    """
    flask-cors adds nothing to the errors of a decorated view, and to those that no view of a blueprint answers.
    """
    app, view = application("/"), cross_origin(origins=APP)(lambda: abort(404))
    app.add_url_rule("/view", "view", view)
    shop = blueprint_of("shop", "/x", prefix="/shop")
    CORS(shop, origins=APP)
    app.register_blueprint(shop)
    assert [shares(app, APP, path) for path in ("/view", "/shop/x", "/shop/none")] == [False, True, False]
    assert "Errors that the view raises" in notes_of(translate_view(origins=APP))
    assert "The 404 and 405 below" in notes_of(translate(shop, within=app, origins=APP))


def blueprint_of(name, *paths, prefix=None):
    blueprint = Blueprint(name, "moving", url_prefix=prefix)
    for path in paths:
        blueprint.add_url_rule(path, path.replace(".", "_"), lambda: "ok")
    return blueprint


def test_a_blueprint_without_a_place_is_a_comment():
    translation = translate(blueprint_of("shop", prefix="/api/v1"), origins=APP)
    assert (active(translation), commented(translation)) == ([], ["/api/v1"])
    assert "Only its application knows their paths" in notes_of(translation)
    assert commented(translate(blueprint_of("shop"), origins=APP)) == ["/PREFIX"]
    assert commented(translate(blueprint_of("shop", prefix="/<tenant>"), origins=APP)) == ["/PREFIX"]
    outside = translate(blueprint_of("shop", prefix="/api"), origins=APP, resources={r"/users/*": {}})
    assert (active(outside), commented(outside)) == ([], [])
    assert "covers no view of the blueprint 'shop', whose paths begin with /api" in notes_of(outside)


@pytest.mark.parametrize(
    ("resources", "prefixes"),
    [
        ("/*", ["/api"]),
        (r"/users/*", []),
        (r"/api/users/*", ["/api/users"]),
        ({"/api/users": {}, "/*": {}}, ["/api/users", "/api"]),
    ],
)
def test_a_blueprint_is_guarded_where_it_is_mounted(resources, prefixes):
    app, shop = application("/", "/other"), blueprint_of("shop", "/users", "/orders", prefix="/unused")
    CORS(shop, origins=APP, resources=resources)
    app.register_blueprint(shop, url_prefix="/api")
    translation = translate(shop, within=app, origins=APP, resources=resources)
    assert active(translation) == prefixes
    after = code_of(translation, "/api/users", "/api/orders", "/users", "/other")
    for path in ("/api/users", "/api/orders", "/users", "/other"):
        assert shares(after, APP, path) == shares(app, APP, path)


def test_a_nested_blueprint_is_guarded_where_it_is_mounted():
    app = application("/in/x", "/out/x")
    inner, outer = blueprint_of("in", "/x", "/y", prefix="/in"), blueprint_of("out", prefix="/out")
    CORS(inner, origins=APP)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    assert active(translate(inner, within=app, origins=APP)) == ["/out/in"]
    assert active(translate(outer, within=app, origins=APP)) == ["/out/in"]


@pytest.mark.parametrize(
    ("other", "prefixes"), [("/other", ["/shop"]), ("/shop/admin", ["/shop/items"]), ("/shop/items/1", [])]
)
def test_a_blueprint_is_guarded_by_its_own_prefix(other, prefixes):
    """
    So a view that it gets later is shared too, as far as it can be.
    """
    app, blueprint = application(other), blueprint_of("shop", "/items", prefix="/shop")
    app.register_blueprint(blueprint)
    assert active(translate(blueprint, within=app, origins=APP)) == prefixes


def test_a_blueprint_among_other_views_opens_none_of_them():
    """
    Other views answer below the prefix of the blueprint, so its views get prefixes of their own, or comments.
    """
    app = application("/admin", "/users/admin")
    app.register_blueprint(blueprint_of("shop", "/orders", "/orders/last", "/users"))
    translation = translate(app.blueprints["shop"], within=app, origins=APP)
    assert (active(translation), commented(translation)) == (["/orders"], ["/users"])
    assert "also covers /users/admin, where /users/admin answers" in notes_of(translation)


def test_a_blueprint_that_is_not_registered_shares_nothing():
    assert active(translate(blueprint_of("shop", "/x"), within=application(), origins=APP)) == []


def test_a_view_becomes_a_tag():
    options = {"origins": [APP], "supports_credentials": True, "methods": ["PUT"], "allow_headers": ["X-A"]}
    before, after = application("/other"), application("/other")
    before.add_url_rule("/view", "view", cross_origin(**options)(lambda: "ok"))
    CORSGuard(after)
    scope = {"app": after}
    code = str(translate_view(**options)).replace("@cors", '@app.get("/view")\n@cors').replace("CORSGuard(app)", "")
    exec(f"{code}\ndef view():\n    return 'ok'", scope)
    assert scope["cors"] is cors
    for app in (before, after):
        assert [shares(app, origin, "/view") for origin in (APP, "https://evil.example")] == [True, False]
        assert not shares(app, APP, "/other")


def test_the_config_counts_for_a_view_except_its_resources():
    app = Flask("moving")
    app.config.update(CORS_ORIGINS=[APP], CORS_RESOURCES=r"/api/*")
    assert translate_view(app).mapping["allow_origins"] == [APP]


def test_the_printed_code_says_the_same_as_the_data():
    translation = translate(
        Flask("moving"),
        origins=[APP, r"https://\w+\.example\.com$", 'https://"\n\\'],
        resources={r"/api/*": {"supports_credentials": True}, r"/public/*": {"origins": "*"}},
    )
    assert code_of(translation).extensions["corsguard"].policy == Policies(translation.mapping).policy
    assert max(map(len, str(translation).splitlines())) <= 120


def test_no_given_text_can_end_a_comment():
    nasty = 'https://a.example\nimport os; os.abort() #"'
    translation = translate(
        Flask("moving"), origins=[APP, nasty, re.compile(nasty)], allow_headers=[nasty, re.compile(nasty)]
    )
    assert all("os.abort" not in line or line.lstrip().startswith("#") for line in str(translation).splitlines())
    code_of(translation)
