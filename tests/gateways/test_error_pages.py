"""
Error pages of the operator, which a gateway makes with another request or in another place.
"""

from functools import partial
from itertools import product

import pytest
from kit.gateways import APP, EVIL, Asked, Guarded, free_port, of_gateway, served
from kit.gateways.apache import apache
from kit.gateways.caddy import caddy
from kit.gateways.nginx import nginx

POLICIES = {"/": None, "/api": {"allow_origins": [APP], "allow_credentials": True, "expose_headers": ["X-Total"]}}
OF_APACHE = "\n".join(f"ErrorDocument {status} /own/page" for status in (403, 404, 503))
OF_CADDY = """
route {
    import corsguard
    handle {
        rewrite * /own/page
        respond "Not now." 503
    }
}
"""
OF_NGINX = """
error_page 403 404 500 502 /own/page;
location = /own/page { internal; return 200 "Not now."; }
location = /api/moved { return 301 /api/x; }
"""
GATEWAYS = {
    "nginx": partial(nginx, own=OF_NGINX),
    "nginx-headers-more": partial(nginx, headers_more=True, own=OF_NGINX),
    "apache": partial(apache, own=OF_APACHE),
    "caddy-debian": partial(caddy, errors=OF_CADDY),
    "caddy": partial(caddy, wheel=True, errors=OF_CADDY),
}


def differences(server, *statuses):
    guarded = Guarded(POLICIES)
    for path, kind, origin, status in product(("/api/x", "/x"), ("GET", "preflight"), (None, APP, EVIL), statuses):
        asked = Asked(kind, path, () if origin is None else (origin,), status)
        theirs, ours = of_gateway(server, asked), guarded.answer(asked)
        if theirs._replace(ran=ours.ran, body=ours.body) != ours:
            yield asked, theirs, ours


@pytest.mark.parametrize("name", GATEWAYS)
def test_the_error_page_of_a_dead_application_has_the_headers_of_the_requested_path(name, tmp_path):
    with GATEWAYS[name](tmp_path, free_port(), POLICIES) as server:
        assert not [*differences(server, "502 Bad Gateway" if "nginx" in name else "503 Service Unavailable")]


@pytest.mark.parametrize("own", ["", "ProxyErrorOverride On"])
def test_the_error_page_of_httpd_for_a_response_has_the_headers(own, tmp_path):
    with served() as port, apache(tmp_path, port, POLICIES, own=f"{OF_APACHE}\n{own}") as server:
        assert not [*differences(server, "200 OK", "404 Not Found")]


@pytest.mark.parametrize("name", ["nginx", "nginx-headers-more"])
def test_errors_that_nginx_answers_itself_have_the_headers(name, tmp_path):
    with GATEWAYS[name](tmp_path, free_port(), POLICIES) as server:
        for kind, origin in product(("GET", "preflight"), (None, APP, EVIL)):
            asked = Asked(kind, "/api/moved", () if origin is None else (origin,), "301 Moved Permanently")
            theirs, ours = of_gateway(server, asked), Guarded(POLICIES).answer(asked)
            assert theirs._replace(ran=ours.ran, body=ours.body) == ours
