"""
The demo page in real Chromium and Firefox: every row agrees, and every row can disagree.

The tests do not believe the page. They compare what it saw with a list kept here, and with Chromium's console and the
servers' logs.
"""

import dataclasses
import importlib.util
import re
import signal
import socket
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import pytest
from kit.engines import firefox
from kit.gateways import served as backend_for
from kit.gateways.caddy import caddy
from kit.gateways.nginx import nginx
from kit.serving import EXAMPLES, lines_until, served, started
from kit.sharing import share

from corsguard import CORSMiddleware, Policy
from corsguard.configuration import Configuration
from corsguard.playground import Applications, opened

APIS = ["Bare WSGI", "Flask", "Django", "FastAPI"]

# What the page has to see, for every API.
SEEN = {
    "Plain GET": "200 Buy milk",
    "Exposed header": "X-Word-Count: 2",
    "Header that is not exposed": "X-Served-By: null",
    "POST of JSON": "201 Call Ada",
    "PUT": "200 Call Grace",
    "DELETE": "204, then 404",
    "Custom request header": "200 7f3a",
    "Cookie, set and sent": "200 Welcome; then our cookie",
    "401": "401 Log in first",
    "404": "404 No such page",
    "500": "500 Something broke",
    "Method": "blocked; note unchanged",
    "Request header": "blocked; note unchanged",
    "Page of another origin reads": "blocked there, 200 here",
    "Page of another origin writes": "blocked; note unchanged",
    "Sandboxed frame reads": "blocked there, 200 here",
}


def load(name):
    """
    Return the module of the example *name*, newly loaded.
    """
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def visit(browser):
    """
    A visit to the page: what it saw by API and row, its verdict, and its console.
    """
    with browser.new_context() as context:

        def visit(address):
            page = context.new_page()
            console, errors, origins = set(), [], set()
            page.on("console", lambda message: console.add(message.text))
            page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - playwright takes no built-in
            page.on("request", lambda request: origins.add(re.match(r"data:|\w+://[^/]+", request.url)[0]))
            page.goto(address)
            page.wait_for_selector("html[data-verdict]", state="attached")
            assert errors == []
            results = page.evaluate("window.results")
            apis = list(dict.fromkeys(result["api"] for result in results))
            return SimpleNamespace(
                seen={api: {r["row"]: r["happened"] for r in results if r["api"] == api} for api in apis},
                disagreeing={api: {r["row"] for r in results if r["api"] == api and not r["agrees"]} for api in apis},
                verdict=page.get_attribute("html", "data-verdict"),
                headline=page.inner_text("#headline"),
                signs=page.locator("td.api .sign").all_text_contents(),
                columns=page.locator("thead th").all_inner_texts(),
                console=console,
                origins=origins - {"data:"},
                page=page,
            )

        yield visit


@contextmanager
def page_for(apis, policy):
    """
    Serve only the view, for *apis* that do not run yet. Yield the origin of its page and the address.
    """
    shown = Applications(origins=apis, policy=policy)
    with opened(0, applications=shown) as address:
        yield shown.page, f"{address}applications"


def desk_of(address):
    """
    Return the origin of the playground at *address*.
    """
    return re.match(r"\w+://[^/]+", address)[0]


def stranger_of(page):
    """
    Return the origin of the same server that no policy lists.
    """
    return page.replace("localhost", "127.0.0.1")


def refusals(page, apis):
    """
    Return the lines of Chromium's console for each of *apis* (their origins) that the intended refusals have.
    """
    stranger = stranger_of(page)
    no_header = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    at_preflight = "Response to preflight request doesn't pass access control check: "
    reasons = [
        (page, "Method PATCH is not allowed by Access-Control-Allow-Methods in preflight response."),
        (page, "Request header field x-debug is not allowed by Access-Control-Allow-Headers in preflight response."),
        (stranger, no_header),
        (stranger, at_preflight + no_header),
        ("null", no_header),
    ]
    return {
        f"Access to fetch at '{api}/notes/1' from origin '{origin}' has been blocked by CORS policy: {reason}"
        for api in apis
        for origin, reason in reasons
    }


def assert_all_rows_agree(visited, address, apis):
    page = visited.page.inner_text("#here")
    assert visited.seen == dict.fromkeys(APIS, SEEN)
    assert visited.disagreeing == {api: set() for api in APIS}
    assert (visited.verdict, visited.headline) == ("agree", "16 of 16 rows agree")
    assert len(visited.signs) == 64
    assert {sign.strip() for sign in visited.signs} == {"✓ agrees:"}
    assert [column.partition("\n")[0] for column in visited.columns] == ["Request", "Should happen", *APIS]
    assert visited.origins == {desk_of(address), page, stranger_of(page), *apis}
    from playwright.sync_api import TimeoutError as NothingMore

    expected = refusals(page, apis)
    with suppress(NothingMore):
        # The lines of another process of the browser may come later than its results.
        while not expected <= visited.console:
            visited.page.wait_for_event("console", timeout=10_000)
    assert {line for line in visited.console if "CORS policy" in line} == expected


def address_in(lines):
    """
    Return the address in the last of *lines*.
    """
    return re.search(r"http://localhost:\d+/[\w-]+/applications", lines[-1])[0]


@pytest.mark.browser
def test_all_rows_agree_after_the_one_command_of_the_readme(visit, interrupts_heeded):
    with started(EXAMPLES / "demo.py", "--port", "0") as process:
        address = address_in(lines_until("http://", process))
        visited = visit(address)
        again = visit(address)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        # One for each visit, for each API that logs to the terminal. No request has a line.
        output = process.stdout.read()
    assert output.count("RuntimeError: broken on purpose") == 6
    assert "HTTP/1.1" not in output
    apis = [f"http://{column.partition(chr(10))[2].strip()}" for column in visited.columns[2:]]
    assert_all_rows_agree(visited, address, apis)
    assert_all_rows_agree(again, address, apis)


# The state of the page as soon as it shows its verdict.
RESULTS = """
    () => new Promise((resolve) => {
        const root = document.documentElement;
        const look = () => root.dataset.verdict && resolve({ verdict: root.dataset.verdict, results: window.results });
        new MutationObserver(look).observe(root, { attributes: true });
        look();
    })
"""


@pytest.mark.browser
def test_all_rows_agree_in_firefox():
    with started(EXAMPLES / "demo.py", "--port", "0") as process, firefox() as tab:
        tab.visit(address_in(lines_until("http://", process)))
        found = tab.call(RESULTS)
    seen = {(result["api"], result["row"]): result["happened"] for result in found["results"]}
    assert seen == {(api, row): SEEN[row] for api in APIS for row in SEEN}
    assert found["verdict"] == "agree"


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.parametrize(
    "django", [("gunicorn", "django_app:application"), ("uvicorn", "django_app:asgi")], ids=["gunicorn", "uvicorn"]
)
def test_all_rows_agree_behind_real_servers_and_refused_requests_are_never_sent(visit, django):
    commands = [("gunicorn", "wsgi_app:application"), ("gunicorn", "flask_app:app"), django]
    commands.append(("uvicorn", "fastapi_app:app"))
    apis = {}
    with ExitStack() as stack:
        page, address = stack.enter_context(page_for(apis, {}))
        servers = [stack.enter_context(served(*command, PAGE_ORIGIN=page)) for command in commands]
        apis.update((title, f"http://localhost:{server.port}") for title, server in zip(APIS, servers, strict=True))
        visited = visit(address)
        logs = []
        for server in servers:
            assert server.exchange("GET", "/that-is-all").status == 404
            logs.append("\n".join(server.lines_until("GET /that-is-all")))
    assert_all_rows_agree(visited, address, apis.values())
    for log in logs:
        requests = re.findall(r'"([A-Z]+) (\S+) HTTP[^"]*" (\d+)', log)
        # The plain GET of the foreign page is sent and answered. Only its answer is hidden from the page.
        assert ("GET", "/notes/1", "200") in requests
        assert requests.count(("OPTIONS", "/notes/1", "403")) == 1
        assert ("PUT", "/notes/2", "200") in requests
        assert [request for request in requests if request[0] == "PATCH" or request[:2] == ("PUT", "/notes/1")] == []


@pytest.mark.browser
def test_each_row_disagrees_under_another_policy(visit, monkeypatch):
    apis = {}
    with ExitStack() as stack:
        page, address = stack.enter_context(page_for(apis, {}))
        monkeypatch.setenv("PAGE_ORIGIN", page)
        policies = {
            "closed": None,
            "too narrow": Policy(allow_origins=[page]),
            "too wide": Policy(
                allow_origins="*", allow_methods="*", allow_headers=["*", "Authorization"], expose_headers="*"
            ),
        }
        demo = load("demo")
        for title, policy in policies.items():
            application = CORSMiddleware(load("wsgi_app").notebook, policy)
            server = stack.enter_context(demo.listen(0, application))
            demo.serve(server)
            stack.callback(server.shutdown)
            apis[title] = f"http://localhost:{server.port}"
        visited = visit(address)
    unshared = {"Exposed header", "POST of JSON", "PUT", "DELETE", "Custom request header", "Cookie, set and sent"}
    opened = {
        "Header that is not exposed",
        "Cookie, set and sent",
        "Method",
        "Request header",
        "Page of another origin reads",
        "Page of another origin writes",
        "Sandboxed frame reads",
    }
    assert visited.disagreeing == {"closed": set(SEEN), "too narrow": unshared, "too wide": opened}
    assert visited.seen["too wide"]["Header that is not exposed"] == "X-Served-By: wsgi"
    assert visited.seen["too wide"]["Method"] == "200 Sell milk; note changed"
    assert visited.seen["too wide"]["Page of another origin reads"] == "200 Buy milk there, 200 here"
    assert (visited.verdict, visited.headline) == ("disagree", "0 of 16 rows agree")
    assert sum(sign.strip() == "✗ disagrees:" for sign in visited.signs) == len(SEEN) + len(unshared) + len(opened)


@pytest.mark.browser
def test_a_write_that_happens_although_the_browser_blocks_it_is_shown(visit, monkeypatch):
    apis = {}
    with page_for(apis, {}) as (page, address):
        monkeypatch.setenv("PAGE_ORIGIN", page)
        example = load("wsgi_app")

        def leaking(environ, start_response):
            if environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") == "PATCH":
                example.notes["1"] = "Sell milk"
            return example.application(environ, start_response)

        demo = load("demo")
        with demo.listen(0, leaking) as server:
            demo.serve(server)
            apis["leaking"] = f"http://localhost:{server.port}"
            visited = visit(address)
            server.shutdown()
    assert visited.disagreeing == {"leaking": {"Method"}}
    assert visited.seen["leaking"]["Method"] == "blocked; note changed"


@pytest.mark.browser
def test_one_wrong_api_changes_the_verdict(visit):
    apis = {}
    with ExitStack() as stack:
        page, address = stack.enter_context(page_for(apis, {}))
        for title, origin in {"right": page, "wrong": stranger_of(page)}.items():
            server = stack.enter_context(served("gunicorn", "wsgi_app:application", PAGE_ORIGIN=origin))
            apis[title] = f"http://localhost:{server.port}"
        visited = visit(address)
        assert server.exchange("GET", "/notes/1").status == 200
    assert visited.disagreeing == {"right": set(), "wrong": set(SEEN)}
    assert visited.verdict == "disagree"


@pytest.mark.browser
def test_an_api_that_is_down_is_not_taken_for_one_that_refuses(visit):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with page_for({"down": f"http://localhost:{port}"}, {}) as (_, address):
        visited = visit(address)
    assert visited.disagreeing == {"down": set(SEEN)}


# What the page has to see in an environment of cors.toml, where it differs from the default.
NARROWER = {
    "development": {},
    "staging": dict.fromkeys(["PUT", "DELETE", "Custom request header", "Cookie, set and sent"], "blocked"),
    "production": dict.fromkeys(SEEN, "blocked"),
}


@pytest.fixture
def cors_toml(tmp_path):
    """
    The file of the examples, for a page at any free port.
    """
    there = (EXAMPLES / "cors.toml").read_text("utf-8")
    assert there.count('"http://localhost:8000"') == 2
    path = tmp_path / "cors.toml"
    path.write_text(there.replace('"http://localhost:8000"', '"http://localhost:*"'), "utf-8")
    return path


def test_the_file_of_the_examples_is_one_policy_in_three_environments_without_a_warning():
    environments = Configuration.environments_of(EXAMPLES / "cors.toml")
    assert list(environments) == list(NARROWER)
    assert all(isinstance(configuration.guarded.policy, Policy) for configuration in environments.values())
    assert [configuration.warnings for configuration in environments.values()] == [(), (), ()]


@pytest.mark.browser
@pytest.mark.parametrize(
    "environment", ["production", *(pytest.param(name, marks=pytest.mark.long) for name in ("development", "staging"))]
)
def test_all_rows_agree_in_each_environment_of_one_file(visit, cors_toml, environment):
    with started(EXAMPLES / "demo.py", "--port", "0", "--environment", environment, "--file", cors_toml) as process:
        lines = lines_until("The page is at", process)
        visited = visit(address_in(lines))
        caption = visited.page.inner_text("figcaption")
    assert lines[0] == f"# {cors_toml}, environment {environment}"
    assert visited.seen == dict.fromkeys(APIS, SEEN | NARROWER[environment])
    assert visited.disagreeing == {api: set() for api in APIS}
    assert (visited.verdict, visited.headline) == ("agree", "16 of 16 rows agree")
    assert caption == f"The policy that guards them all, in {environment}"


@pytest.mark.parametrize(
    ("needed", "row", "should"),
    [
        ({"expose_headers": []}, "Exposed header", "X-Word-Count: null"),
        ({"allow_headers": ["X-Request-Id"]}, "POST of JSON", "blocked"),
        ({"allow_methods": ["GET", "DELETE"]}, "PUT", "blocked"),
        ({"allow_methods": ["GET", "PUT"]}, "DELETE", "blocked"),
        ({"allow_headers": ["Content-Type"]}, "Custom request header", "blocked"),
        ({"allow_credentials": False}, "Cookie, set and sent", "blocked"),
    ],
)
def test_the_expected_results_follow_from_the_policy(needed, row, should):
    demo = load("demo")
    page = "http://localhost:8000"
    base = Configuration.from_file(EXAMPLES / "cors.toml", "development").guarded.policy
    assert demo.differing(base, page) == {}
    narrower = demo.differing(dataclasses.replace(base, **needed), page)
    assert narrower[row]["should"] == should
    assert narrower[row]["why"] == f"`{next(iter(needed))}` of the policy does not allow it."
    everything = Policy(allow_origins="*", allow_methods="*", allow_headers="*", expose_headers="*")
    assert list(demo.differing(everything, page)) == ["Cookie, set and sent"]
    assert demo.differing(base, "http://localhost:9000") == {
        "*": {
            "should": "blocked",
            "why": "The policy does not list `http://localhost:9000`, so nothing is shared with it.",
        }
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--environment", "prodction"],
            (
                'environments: "prodction" is not an environment. Known: development, staging, production.\n'
                '    fix: "production"\n'
            ),
        ),
        (
            ["--file", EXAMPLES / "cors.toml"],
            (
                "environments: None is not an environment. Known: development, staging, production.\n"
                "    fix: one of development, staging, production\n"
            ),
        ),
        (
            ["--file", EXAMPLES / "demo.py"],
            'demo.py" cannot be read: it is not TOML: ',
        ),
    ],
    ids=["misspelled", "none", "no TOML"],
)
def test_the_demo_refuses_a_wrong_environment_with_the_right_ones(arguments, told):
    with started(EXAMPLES / "demo.py", "--port", "0", *arguments) as process:
        assert process.wait(30) == 2
        assert told in process.stdout.read()


def test_the_demo_refuses_a_file_of_several_policies(tmp_path):
    path = tmp_path / "several.toml"
    path.write_text('[paths."/api"]\nallow_origins = "*"\n', "utf-8")
    with started(EXAMPLES / "demo.py", "--port", "0", "--file", path) as process:
        assert process.wait(30) == 2
        assert process.stdout.read().endswith(f"error: {path} has policies by path, and the page shows one policy.\n")


@pytest.mark.server
def test_ctrl_c_stops_the_demo_at_once_and_without_output(interrupts_heeded):
    with started(EXAMPLES / "demo.py", "--port", "0") as process:
        lines_until("Tracebacks", process)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""


@pytest.mark.server
def test_the_demo_names_a_port_that_is_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(EXAMPLES / "demo.py", "--port", str(port)) as process:
            assert process.wait(30) == 1
            told = f"Ports {port} and {port + 5} to {port + 7} are needed for the page: Address already in use\n"
            assert process.stdout.read().endswith(told)
        with pytest.raises(SystemExit, match=f"Cannot listen on port {port}: Address already in use"):
            load("demo").listen_for_uvicorn(port)


@pytest.mark.parametrize("gateway", share([caddy, nginx], 2), ids=lambda gateway: gateway.__name__)
def test_a_gateway_answers_the_page_for_an_application_that_knows_nothing_of_cors(visit, tmp_path, gateway):
    example, apis = load("wsgi_app"), {}
    keywords = {field.name: getattr(example.POLICY, field.name) for field in dataclasses.fields(Policy)}
    with page_for(apis, {}) as (page, address):
        policy = Policy(**{**keywords, "allow_origins": [page]})
        with backend_for(example.notebook) as port, gateway(tmp_path, port, policy) as server:
            apis["Gateway"] = f"http://localhost:{server.port}"
            seen = visit(address)
            assert seen.seen == {"Gateway": SEEN}
            assert {text for text in seen.console if "CORS policy" in text} == refusals(page, apis.values())
            # Without the gateway nothing can be read.
            apis["Gateway"] = f"http://localhost:{port}"
            assert visit(address).disagreeing["Gateway"] >= {"Plain GET", "POST of JSON", "401", "500"}
