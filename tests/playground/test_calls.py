"""
What the page of the playground calls, without a browser: what is answered, and which callers get nothing.
"""

import http.client
import json
import socket
import subprocess
from urllib.parse import urlsplit

import pytest
from kit.playground import PAIRS, calls

from corsguard import Configuration, CORSMiddleware, CrossOriginProtection, Policies, Policy
from corsguard.diagnosis import LoadError
from corsguard.fixes import as_toml
from corsguard.gateways import Source, export
from corsguard.playground import opened, sample_named
from corsguard.playground.conversions import conversions, toml_of
from corsguard.playground.examples import SAMPLES
from corsguard.playground.resources import application
from corsguard.playground.serving import _is_of_this_machine

TEXTS = {sample.title: sample.data(8601)["text"] for sample in SAMPLES}


@pytest.fixture(scope="module")
def call():
    with calls() as call:
        yield call


@pytest.fixture
def ask(call):
    """
    Send a request to any of the servers, with any headers. Return its status, headers and body.
    """

    def ask(port, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    return ask


@pytest.fixture(scope="module")
def ports(call):
    start = call("start", {})
    return {
        "desk": urlsplit(call.address).port,
        "pages": urlsplit(start["samples"][0]["page"]).port,
        "server": urlsplit(start["server"]).port,
    }


@pytest.mark.parametrize("name", ["desk", "pages", "server"])
@pytest.mark.parametrize("host", ["evil.example:%d", "localhost.evil.example:%d", "localhost", "localhost:1", "", "%d"])
def test_no_server_answers_to_a_name_of_another_machine(ask, call, ports, name, host):
    """
    A page that has rebound its name to this machine gets nothing, although it has the same origin as its target.
    """
    path = {"desk": urlsplit(call.address).path, "pages": "/frame", "server": "/items?run=1"}[name]
    said = host % ports[name] if "%d" in host else host
    status, headers, body = ask(ports[name], path, Host=said, Origin=f"http://{said}", Sec_Fetch_Site="same-origin")
    assert (status, body) == (
        421,
        b"This server answers to names of this machine only: localhost, *.localhost, 127.0.0.1.\n",
    )
    assert "Access-Control-Allow-Origin" not in headers
    # Only the host was wrong.
    assert ask(ports[name], path, Host=f"localhost:{ports[name]}")[0] in {200, 404}


def test_the_desk_is_at_one_origin(ask, call, ports):
    status, _, body = ask(ports["desk"], urlsplit(call.address).path, Host=f"127.0.0.1:{ports['desk']}")
    assert status == 421
    assert body == f"The playground is at http://localhost:{ports['desk']}, at the address in the terminal.\n".encode()


def test_without_the_token_there_is_no_answer(ask, call, ports):
    token = urlsplit(call.address).path.strip("/")
    for path in ("/x/", f"/{token[:-1]}/", f"/{token}x/", "/page.html", "/page.js", "/diagram.css", f"/{token}"):
        assert ask(ports["desk"], path)[0] == 404
        assert ask(ports["desk"], f"{path}start", "POST", "{}")[0] == 404
    for path in ("/", "/door.js"):
        status, _, body = ask(ports["desk"], path)
        assert (status, token.encode() in body) == (200, False)


def test_another_origin_is_refused_even_with_the_token(ask, call, ports):
    path, desk = urlsplit(call.address).path, f"http://localhost:{ports['desk']}"
    own = {"Host": f"localhost:{ports['desk']}"}
    for origin in (
        "https://evil.example",
        f"http://localhost:{ports['pages']}",
        f"http://127.0.0.1:{ports['desk']}",
        "null",
    ):
        for method, name in (("GET", ""), ("POST", "start"), ("POST", "run")):
            status, headers, _ = ask(ports["desk"], path + name, method, "{}", Origin=origin, **own)
            assert status == 403
            assert not [header for header in headers if header.startswith("Access-Control-")]
        preflight = {"Origin": origin, "Access_Control_Request_Method": "POST", **own}
        assert ask(ports["desk"], f"{path}start", "OPTIONS", **preflight)[0] != 204
    assert ask(ports["desk"], f"{path}start", "POST", "{}", Origin=desk, **own)[0] == 200
    # There are no applications to show.
    assert ask(ports["desk"], f"{path}applications", **own)[0] == 404
    # A browser that sends no Origin says where the page comes from.
    assert ask(ports["desk"], f"{path}start", "POST", "{}", Sec_Fetch_Site="cross-site", **own)[0] == 403


def test_a_served_page_runs_nothing_from_elsewhere(ask, call, ports):
    path = urlsplit(call.address).path
    for name in ("", "page.css", "page.js", "parts.js", "diagram.css", "applications.js", "applications.css"):
        status, headers, body = ask(ports["desk"], path + name)
        policy = headers["Content-Security-Policy"]
        assert status == 200
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert b"https://" not in body.replace(b"https://app.example.com", b"")
        assert b"style=" not in body
    status, headers, body = ask(ports["pages"], "/frame", Host=f"anything.localhost:{ports['pages']}")
    assert f"frame-ancestors http://localhost:{ports['desk']}" in headers["Content-Security-Policy"]
    assert f'data-desk="http://localhost:{ports["desk"]}"'.encode() in body


def test_problems_have_lines_and_texts_in_which_they_are_fixed(call):
    told = call(
        "judge", {"policy": 'max_age = 5\nallow_origins = "*"\nallow_credentials = true\nallow_methods = ["put"]\n'}
    )
    assert [(one["line"], one["code"], one["level"]) for one in told["problems"]] == [
        (2, "E301", "error"),
        (4, "E403", "error"),
    ]
    (correction,) = told["problems"][1]["corrections"]
    assert (correction["does"], correction["otherwise"]) == ('"PUT"', False)
    assert correction["text"].endswith('allow_methods = ["PUT"]\n')
    assert told["conversions"] == []
    broken = call("judge", {"policy": "allow_origins = \n"})
    assert [(one["code"], one["line"]) for one in broken["problems"]] == [("E811", 1)]
    assert broken["problems"][0]["corrections"] == [
        {"does": "or make line 1 a comment", "text": "# allow_origins = \n", "otherwise": True}
    ]


@pytest.mark.parametrize(
    ("ready", "fields", "happened", "decided"),
    [
        (
            "Download",
            {},
            "The browser sent the request without a cookie, the server answered, and the page gets the answer.",
            ["Cookie: not sent", "status 200", "Access-Control-Allow-Origin: *"],
        ),
        (
            "Download",
            {"path": "/moved", "redirect": "manual"},
            (
                "The browser sent the request without a cookie, the server answered, and the page learns only that an "
                "answer came."
            ),
            ["Cookie: not sent", "status 307", "Access-Control-Allow-Origin: *"],
        ),
        (
            "PUT with a token",
            {},
            "The browser sent only a preflight. It did not send the request of the page.",
            ["Access-Control-Request-Method: PUT", "status 204", "Access-Control-Allow-Headers: not there"],
        ),
        (
            "WebSocket",
            {},
            "The browser sent the request with the cookie, the server answered, and the WebSocket does not open.",
            ["Cookie: sent", "status 403"],
        ),
        (
            "Download",
            {"method": "TRACE"},
            "The browser sent nothing to the server.",
            [],
        ),
    ],
)
def test_a_result_has_the_lines_that_decided(call, ready, fields, happened, decided):
    run = call("run", {"policy": 'allow_origins = "*"\n', "request": call.request(ready, **fields)})
    assert run["happened"][0] == happened
    assert len(run["happened"]) == (1 if run["readable"] else 2)
    assert len(run["decided"]) == bool(decided)
    lines = [line for one in run["decided"] for line in (*one["sent"], *one["answered"])]
    assert [line for line in lines if line in decided] == decided


def test_an_environment_can_be_chosen(call):
    text = '[environments.dev]\nallow_origins = "*"\n[environments.live]\nallow_origins = ["https://app.example.com"]\n'
    told = call("judge", {"policy": text, "environment": "live"})
    assert told["environments"] == ["dev", "live"]
    (flask,) = [one["text"] for one in told["conversions"] if one["title"] == "Flask"]
    assert '"allow_origins": ["https://app.example.com"]' in flask
    run = call("run", {"policy": text, "environment": "dev", "request": call.request("Download")})
    assert run["readable"] is True
    run = call("run", {"policy": text, "environment": "live", "request": call.request("Download")})
    assert run["readable"] is False
    with pytest.raises(ValueError, match=r"cors\.toml has the environments dev, live, and none is called"):
        call("run", {"policy": text, "environment": "dve", "request": call.request()})


@pytest.mark.parametrize("title", TEXTS)
def test_the_policy_is_the_same_in_each_framework(title):
    configuration = Configuration.environments_in(TEXTS[title], "cors.toml")[None]
    there = {one.title: one for one in conversions(configuration)}
    assert {*there} == {"Flask", "Django", "FastAPI", "WSGI", "nginx"}
    assert {name: policies_in(there[name].text) for name in ("Flask", "Django", "FastAPI", "WSGI")} == dict.fromkeys(
        ("Flask", "Django", "FastAPI", "WSGI"), configuration.guarded.policy
    )
    for text in export("nginx", configuration.guarded, Source("cors.toml")).values():
        assert text in there["nginx"].text


def policies_in(code):
    """
    Return what guards the application that *code* makes.
    """
    names = {"__name__": "shop", "MIDDLEWARE": [], "application": application}
    exec(code, names)  # we wrote it
    if "CORSGUARD" in names:
        assert names["MIDDLEWARE"] == ["corsguard_django.middleware.CORSMiddleware"]
        return Policies(names["CORSGUARD"]).policy
    app = names.get("app")
    if app is None:
        return names["application"].policy
    return (
        app.extensions["corsguard"].policy if hasattr(app, "extensions") else app.state.corsguard.guard.policies.policy
    )


def test_protection_is_included():
    text = 'allow_origins = "*"\n[protection]\nmode = "report"\nexempt = ["/hook"]\n'
    there = {one.title: one.text for one in conversions(Configuration.environments_in(text, "cors.toml")[None])}
    names = {"MIDDLEWARE": [], "application": application}
    exec(there["WSGI"], names)  # we wrote them
    exec(there["Django"], names)
    expected = CrossOriginProtection(mode="report", exempt=["/hook"])
    assert names["application"].guard.protection == CrossOriginProtection(**names["CORSGUARD_PROTECTION"]) == expected


def test_a_policy_that_nginx_cannot_express_is_refused_with_the_reason():
    text = 'allow_origins = ["moz-extension://*"]\n'
    (nginx,) = [
        one for one in conversions(Configuration.environments_in(text, "cors.toml")[None]) if one.title == "nginx"
    ]
    assert nginx.is_refused
    assert "E855" in nginx.text


@pytest.mark.parametrize(("sample", "ready"), PAIRS)
def test_the_test_and_the_commands_of_a_run_do_what_the_run_did(call, sample, ready):
    """
    The lines of each run pass as a test of an application under its policy.
    """
    text = next(one["text"] for one in call("start", {})["samples"] if one["title"] == sample)
    run = call("run", {"policy": text, "request": call.request(ready, sample)})
    names = {}
    exec(run["test"], names)  # we wrote it
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test(CORSMiddleware(application, Configuration.environments_in(text, "cors.toml")[None]))
    assert run["curl"].startswith("curl -i ")
    assert "1234-abcd" not in run["curl"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"page": "http://localhost:3000/x y"}, None),
        ({"page": "localhost:3000"}, "does not begin with a scheme"),
        ({"page": "https://*.example.com"}, "A page has one origin, and"),
        ({"path": "items"}, "Expected a path such as /items"),
        ({"headers": "no colon"}, "Expected a header on each line"),
        ({"method": "G ET"}, "is not a method name"),
        ({"method": "GET", "kind": "text", "body": "a"}, "A GET has no body"),
        ({"call": "teleport"}, "call: expected one of fetch, upload, websocket"),
        ({"credentials": ""}, "credentials: expected one of"),
        ({"body": 7}, "body: expected text, got 7"),
    ],
)
def test_a_wrong_request_is_reported(call, fields, told):
    said = {"policy": 'allow_origins = "*"\n', "request": call.request("Download", **fields)}
    if told is None:
        assert call("run", said)["run"]
        return
    with pytest.raises(ValueError, match=told):
        call("run", said)


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("run", {"policy": 'allow_origins = "*"\nallow_credentials = true\n', "request": {}}, "The policy is refused"),
        ("run", {"policy": 'allow_origins = "*"\n'}, "Expected the fields of a request"),
        ("run", {"request": {}}, "policy: expected text, got None"),
        ("judge", [], "Expected an object of JSON"),
        ("again", {"run": "1000"}, "This run is over"),
        ("seen", {"run": "0", "got": {}, "browser": ""}, "This run is over"),
    ],
)
def test_a_wrong_call_is_reported(call, name, said, told):
    with pytest.raises(ValueError, match=rf"^400 .*{told}"):
        call(name, said)


def test_the_result_of_the_browser_is_compared(call):
    run = call("run", {"policy": 'allow_origins = "*"\n', "request": call.request("JSON POST")})
    with pytest.raises(ValueError, match="Expected what the page got"):
        call("seen", {"run": run["run"], "got": {"what": "<b>"}, "browser": "a browser"})
    # Nothing was sent, and the server was not asked. So the result does not agree, and the page says so.
    seen = call("seen", {"run": run["run"], "got": {"what": "open"}, "browser": "a <b>browser</b>"})
    assert [one["about"] for one in seen["differences"]] == ["What the page gets", "The requests"]
    assert "browser: a <b>browser</b>" in seen["case"]
    assert '  allow_origins = "*"' in seen["case"]


def test_no_entered_text_becomes_markup(call):
    odd = "<img src=x onerror=alert(1)>"
    policy = f'# {odd}\nallow_origins = "*"\nallow_headers = ["X-A"]\n'
    request = call.request("Download", path=f"/{odd}", headers=f"X-A: {odd}", method="PUT")
    run = call("run", {"policy": policy, "request": request})
    seen = call("seen", {"run": run["run"], "got": {"what": "error"}, "browser": odd})
    assert "<img" not in run["diagram"] + seen["diagram"]


def test_only_the_last_runs_are_kept():
    with calls() as call:
        said = {"policy": 'allow_origins = "*"\n', "request": call.request("Download")}
        numbers = [call("run", said)["run"] for _ in range(66)]
        with pytest.raises(ValueError, match="This run is over"):
            call("again", {"run": numbers[0]})
        assert call("again", {"run": numbers[-1]})["run"] == numbers[-1]


def test_a_port_in_use_is_reported(call, ports):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        request = call.request("Download", page=f"http://localhost:{port}")
        run = call("run", {"policy": 'allow_origins = "*"\n', "request": request})
    assert run["frame"] == ""
    assert run["why"].startswith(f"The playground cannot listen on port {port} (Address already in use)")
    # The answer of the model is there too.
    assert run["readable"] is True
    own = call.request("Download", page=f"http://localhost:{ports['desk']}")
    assert call("run", {"policy": 'allow_origins = "*"\n', "request": own})["frame"] == ""


@pytest.mark.parametrize("origin", ["http://[::1]:3000", "http://127.0.0.2:3000"])
def test_a_page_at_an_unused_port_is_reported(call, origin):
    run = call("run", {"policy": 'allow_origins = "*"\n', "request": call.request("Download", page=origin)})
    assert (run["frame"], run["readable"]) == ("", True)
    assert run["why"] == f"The pages here are on 127.0.0.1 and localhost, so none is on {origin}."


def test_the_port_of_http_may_be_left_out():
    assert _is_of_this_machine(["localhost"], 80)
    assert _is_of_this_machine(["Localhost:80"], 80)
    assert not _is_of_this_machine(["localhost"], 8080)
    assert not _is_of_this_machine(["evil.example"], 80)
    assert not _is_of_this_machine(["localhost", "localhost"], 80)


def test_not_every_port_of_the_machine_is_opened():
    with calls() as call:
        frames = []
        for _ in range(20):
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
            request = call.request("Download", page=f"http://localhost:{port}")
            frames.append(call("run", {"policy": 'allow_origins = "*"\n', "request": request}))
    assert frames[0]["frame"]
    assert frames[-1]["frame"] == ""
    assert "Too many ports are open" in frames[-1]["why"]


def test_a_curl_command_asks_the_running_server(call):
    run = call("run", {"policy": 'allow_origins = "*"\n', "request": call.request("Download")})
    answer = subprocess.run(["sh", "-c", run["curl"]], capture_output=True, text=True, check=True, timeout=30).stdout
    assert answer.startswith("HTTP/1.1 200 OK")
    assert "Access-Control-Allow-Origin: *" in answer


def test_a_file_is_shown_as_it_is_even_if_it_is_wrong(tmp_path):
    path = tmp_path / "cors.toml"
    path.write_text('allow_origins = "*"\nallow_credentials = true\n')
    sample = sample_named(str(path))
    assert (sample.title, sample.text) == (str(path), path.read_text())
    path.write_text(
        '[policies.api]\nallow_origins = ["https://a.example", "http://localhost:3000"]\n[paths]\n"/api" = "api"\n'
    )
    sample = sample_named(str(path))
    assert (sample.page, sample.base) == ("http://localhost:3000", "/api")
    with pytest.raises(LoadError, match=r"There is no file .*other\.toml"):
        sample_named(str(tmp_path / "other.toml"))


@pytest.mark.parametrize(
    "policy",
    [
        Policy(allow_origins="*"),
        {"/": {"allow_origins": ["https://a.example"], "max_age": None}, "/api": None, "/raw": "unguarded"},
        {"hosts": {"api.example.com": {"paths": {"/": {"allow_origins": "*"}}}, "*.b.example": {"allow_origins": "*"}}},
        {"allow_unsafe_origins": {"http://kiosk.example": "until 2027"}, "share_timing": True},
    ],
)
def test_the_policies_of_an_object_are_written_out(policy):
    policies = Policies(policy)
    text = toml_of(policies.policy)
    assert Configuration.environments_in(text, "cors.toml")[None].guarded.policy == policies.policy


def test_a_value_that_only_python_can_express_is_reported(tmp_path, monkeypatch):
    (tmp_path / "tenants_here.py").write_text(
        "from corsguard import Policy\n\n\nclass Tenants:\n    def __contains__(self, origin: str) -> bool:\n"
        "        return True\n\n\nAPI = Policy(allow_origins=Tenants())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        LoadError, match="tenants_here:API: The policy has an origin source, which only Python can express"
    ):
        sample_named("tenants_here:API")


def test_the_given_policy_comes_first():
    from corsguard.playground.examples import Sample

    own = Sample("ours.toml", "", f"allow_origins = {as_toml(['https://a.example'])}\n")
    with calls(own) as call:
        first, *others = call("start", {})["samples"]
    assert (first["title"], first["text"]) == ("ours.toml", own.text)
    assert len(others) == len(SAMPLES)
    assert json.dumps(first)


def test_a_closed_playground_releases_its_ports():
    with opened(0) as address:
        port = urlsplit(address).port
    with socket.create_server(("127.0.0.1", port)):
        pass
