"""
What a proxy in front of the guard must not do. Each sentence of the manual is tried with a real nginx that does it.
"""

from typing import NamedTuple

import pytest
from kit.gateways import APP, EVIL, backend, begun, free_port, nginx_configuration, program, served

from corsguard import CORSMiddleware, CrossOriginProtection

POLICY = {"allow_origins": [APP], "allow_credentials": True, "allow_methods": ["GET", "PUT"]}

# Each has a location of its own in front of the guarded application.
LOCATIONS = {
    "plain": "",
    "origin": 'proxy_set_header Origin "";',
    "method": 'proxy_set_header Access-Control-Request-Method "";',
    "options": "if ($request_method = OPTIONS) { return 405; }",
    "headers": "add_header Access-Control-Allow-Origin * always;",
    "cache": "proxy_cache all; proxy_cache_valid 10s; proxy_cache_key $uri; proxy_ignore_headers Vary;",
    "vary": "proxy_cache all; proxy_cache_valid 10s; proxy_cache_key $uri;",
    "host": "proxy_set_header Host internal;",
    "kept-host": "proxy_set_header Host $http_host;",
    "errors": "proxy_intercept_errors on; error_page 404 /own.html;",
    "hidden": "proxy_hide_header Vary;",
}
_CONFIGURATION = """
    proxy_cache_path cache keys_zone=all:1m;
    server {{
        listen 127.0.0.1:{port};
        location = /own.html {{ internal; return 404 "Not here.\\n"; }}
        location /dead/ {{ proxy_pass http://127.0.0.1:{dead}/; }}
        {locations}
    }}
"""


class Answer(NamedTuple):
    status: int
    origins: list
    vary: list
    body: bytes


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    directory, port = tmp_path_factory.mktemp("nginx"), free_port()
    guarded = CORSMiddleware(backend, POLICY, protection=CrossOriginProtection())
    with served(guarded) as behind:
        locations = "\n".join(
            f"location /{name}/ {{ {text} proxy_pass http://127.0.0.1:{behind}/; }}" for name, text in LOCATIONS.items()
        )
        text = nginx_configuration(_CONFIGURATION.format(port=port, dead=free_port(), locations=locations))
        (directory / "nginx.conf").write_text(text)
        with begun(port, program("nginx", "nginx-light"), "-p", str(directory), "-c", "nginx.conf") as server:

            def ask(place, method="GET", origin=APP, *lines):
                sent = [f"Origin: {origin}", *lines] if origin else [*lines]
                reply = server.exchange(method, f"/{place}/x", *sent)
                named = [(name.lower(), value) for name, value in reply.headers]
                return Answer(
                    reply.status,
                    [value for name, value in named if name == "access-control-allow-origin"],
                    [value for name, value in named if name == "vary"],
                    reply.body,
                )

            yield ask


PREFLIGHT = ("OPTIONS", APP, "Access-Control-Request-Method: PUT")


def test_a_plain_proxy_is_right(ask):
    assert ask("plain").origins == [APP]
    assert ask("plain", origin=EVIL).origins == []
    assert ask("plain", *PREFLIGHT)[:2] == (204, [APP])


def test_a_proxy_has_to_pass_origin_on(ask):
    assert ask("origin").origins == []


def test_a_proxy_has_to_pass_the_requested_method_on(ask):
    answer = ask("method", *PREFLIGHT)
    assert answer.status != 204
    assert answer.body == b"application\n"


def test_a_proxy_has_to_pass_options_on(ask):
    assert ask("options", *PREFLIGHT)[:2] == (405, [])


def test_no_second_layer_may_add_headers(ask):
    assert ask("headers").origins == [APP, "*"]


def test_a_cache_has_to_obey_vary(ask):
    assert ask("vary").origins == [APP]
    assert ask("vary", origin=EVIL).origins == []
    assert ask("cache").origins == [APP]
    # Everyone now gets the answer for one origin.
    assert ask("cache", origin=EVIL).origins == [APP]


def test_a_proxy_has_to_send_vary(ask):
    assert (ask("plain").vary, ask("hidden").vary) == (["Origin"], [])


def test_protection_needs_the_host(ask):
    own = ("POST", "http://localhost", "Content-Length: 0")
    assert ask("kept-host", *own).status == 200
    assert ask("host", *own).status == 403


def test_error_pages_have_to_keep_their_headers(ask):
    not_found = ("GET", APP, "X-Answer: 0 404 Not Found")
    assert ask("plain", *not_found)[:2] == (404, [APP])
    assert ask("errors", *not_found)[:2] == (404, [])


def test_errors_of_the_proxy_itself_have_no_headers(ask):
    assert ask("dead")[:2] == (502, [])
