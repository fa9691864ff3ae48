"""
What only Apache httpd has: an error page is another request, made by the server itself.
"""

from itertools import product

import pytest
from kit.gateways import APP, EVIL, Asked, Guarded, free_port, of_gateway, served
from kit.gateways.apache import apache

POLICIES = {"/": None, "/api": {"allow_origins": [APP], "allow_credentials": True, "expose_headers": ["X-Total"]}}
PAGES = "\n".join(f"ErrorDocument {status} /own/page" for status in (403, 404, 503))


def differences(server, paths, statuses):
    guarded = Guarded(POLICIES)
    for path, kind, origin, status in product(paths, ("GET", "preflight"), (None, APP, EVIL), statuses):
        asked = Asked(kind, path, () if origin is None else (origin,), status)
        theirs, ours = of_gateway(server, asked), guarded.answer(asked)
        if theirs._replace(ran=ours.ran, body=ours.body) != ours:
            yield asked, theirs, ours


@pytest.mark.parametrize("own", ["", "ProxyErrorOverride On"])
def test_an_error_page_has_the_headers_of_what_was_asked_for(own, tmp_path):
    with served() as port, apache(tmp_path, port, POLICIES, own=f"{PAGES}\n{own}") as server:
        assert not [*differences(server, ("/api/x", "/x"), ("200 OK", "404 Not Found"))]


def test_an_error_page_of_a_dead_application_has_them_as_well(tmp_path):
    with apache(tmp_path, free_port(), POLICIES, own=PAGES) as server:
        assert not [*differences(server, ("/api/x", "/x"), ("503 Service Unavailable",))]
