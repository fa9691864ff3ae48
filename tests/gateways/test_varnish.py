"""
What Varnish does in addition to answering as the guard does: it stores answers, and its operator has a VCL.
"""

import pytest
from kit.gateways import APP, EVIL, POLICIES, Asked, Guarded, of_gateway, served
from kit.gateways.varnish import ASKS_ALWAYS, varnish

KEPT = (
    (),
    (("Access-Control-Allow-Origin", "*"),),
    (("Vary", "Origin"), ("Access-Control-Allow-Origin", EVIL)),
    (("Vary", "Cookie"), ("Vary", "Accept-Encoding")),
)
CHANGES = (
    'sub vcl_recv { set req.url = "/open/x"; unset req.http.Origin; return (pass); }',
    'sub vcl_deliver { if (req.restarts == 0) { set req.url = "/open/x"; return (restart); } }',
)
ORIGINS = (APP, EVIL, None, "https://a.example.org")


def asked(path, origin):
    return Asked("GET", path, () if origin is None else (origin,))


@pytest.mark.parametrize("headers", KEPT)
def test_one_stored_answer_is_right_for_every_origin(headers, tmp_path):
    ran = []

    def application(environ, start_response):
        ran.append(environ)
        start_response("200 OK", [("X-Ran", "yes"), ("Cache-Control", "max-age=600"), *headers])
        return [b""]

    guarded = Guarded(POLICIES, application)
    with served(application) as port, varnish(tmp_path, port, POLICIES, own="") as server:
        for path in ("/api/x", "/open/x", "/other"):
            expected = [guarded.answer(asked(path, origin)) for origin in ORIGINS]
            ran.clear()
            assert [of_gateway(server, asked(path, origin)) for origin in ORIGINS] == expected
            # If the application says that it varies by Origin, one answer is stored for each.
            assert len(ran) == (len(ORIGINS) if ("Vary", "Origin") in headers else 1)


@pytest.mark.parametrize("own", [ASKS_ALWAYS, "sub vcl_recv { return (pipe); }"])
def test_the_application_does_not_get_the_internal_headers_of_varnish(own, tmp_path):
    seen = []

    def application(environ, start_response):
        seen.extend(environ)
        start_response("200 OK", [])
        return [b""]

    with served(application) as port, varnish(tmp_path, port, POLICIES, own=own) as server:
        server.exchange("GET", "/api/x", f"Origin: {APP}")
    assert "HTTP_ORIGIN" in seen
    # The environment of this process is in there too.
    assert not [name for name in seen if name.startswith("HTTP_") and "CORSGUARD" in name]


@pytest.mark.parametrize("path", ["/api/x", "/api", "/open/old/x"])
def test_a_client_cannot_set_the_internal_headers_of_varnish(path, tmp_path):
    claims = ("State: api.share", "State: open.share", f"Covered: {EVIL}", "Zone: api", "Path: /api")
    lines = [f"X-Corsguard-{claim}" for claim in claims]
    with served() as port, varnish(tmp_path, port, POLICIES) as server:
        reply = server.exchange("GET", path, f"Origin: {EVIL}", *lines)
    assert not [name for name, _ in reply.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("own", CHANGES)
def test_changes_of_the_operator_come_too_late_to_have_an_effect(own, tmp_path):
    guarded = Guarded(POLICIES)
    with served() as port, varnish(tmp_path, port, POLICIES, own=own) as server:
        for origin in ORIGINS:
            assert of_gateway(server, asked("/api/x", origin)) == guarded.answer(asked("/api/x", origin))
