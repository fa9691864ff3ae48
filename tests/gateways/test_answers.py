"""
Real gateways answer as the guard does, request by request.

Some answers differ because of the nature of a gateway. DIFFERENCES has them with the reason. A row that no request
needs fails.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from string import punctuation
from typing import NamedTuple
from urllib.parse import quote

import pytest
from kit.gateways import (
    APP,
    DOTS,
    EVIL,
    POLICIES,
    SPELLINGS,
    THEIRS,
    Asked,
    Guarded,
    backend,
    free_port,
    of_gateway,
    requests,
    served,
)
from kit.gateways.apache import apache
from kit.gateways.caddy import caddy
from kit.gateways.envoy import envoy
from kit.gateways.haproxy import haproxy
from kit.gateways.nginx import nginx
from kit.gateways.varnish import varnish
from kit.tenants import HOSTS as TENANTS
from kit.tenants import TENANT_OF

from corsguard import CORSMiddleware
from corsguard.names import is_token
from corsguard.policies import problem_of_host, problem_of_prefix

GATEWAYS = {
    "nginx": nginx,
    "nginx-headers-more": partial(nginx, headers_more=True),
    "haproxy": haproxy,
    "varnish": varnish,
    "caddy-debian": caddy,
    "caddy": partial(caddy, wheel=True),
    "envoy": envoy,
    "apache": apache,
}
ALL = frozenset(GATEWAYS)


# httpd has no answer with 200 and without content, so such a policy is refused.
POLICIES_OF = {
    **dict.fromkeys(GATEWAYS, POLICIES),
    "apache": {**POLICIES, "/open": {**POLICIES["/open"], "preflight_status": 204}},
}


def by_host(name):
    """
    Return the policies of the gateway *name* for one host, next to those of other hosts.
    """
    hosts = {host: there for host, there in TENANTS["hosts"].items() if not host.startswith("localhost")}
    return {"hosts": {**hosts, "localhost": {"paths": POLICIES_OF[name]}}}


class Difference(NamedTuple):
    """
    A difference of *gateways* with its *reason*. *applies* takes the request and the two answers, the gateway's first.
    """

    gateways: frozenset[str]
    reason: str
    applies: Callable


def varies_more(asked, theirs, ours):
    """
    Return whether `Vary: Origin` is the only addition, at a path that can be read in several ways.
    """
    is_odd = asked.path in SPELLINGS
    return is_odd and "origin" not in ours.vary and theirs._replace(vary=ours.vary) == ours


DIFFERENCES = (
    Difference(
        ALL - {"haproxy", "varnish"},
        "it refuses a Host that is not one",
        lambda asked, theirs, ours: theirs.status == 400 and not theirs.of_cors and TENANT_OF.get(asked.host) is None,
    ),
    Difference(
        ALL,
        "no gateway can tell which policies the readings of a path have, so it sends Vary if any policy is a list",
        varies_more,
    ),
    Difference(
        frozenset({"nginx", "nginx-headers-more"}),
        "nginx before 1.23 sees the first of two Origin lines only; no browser sends two",
        lambda asked, theirs, ours: len(asked.origins) > 1,
    ),
    Difference(
        frozenset({"apache"}),
        "httpd has one page for all errors 403 of a host, and no browser shows the one of a preflight",
        lambda asked, theirs, ours: theirs.status == 403 and theirs._replace(body=ours.body) == ours,
    ),
)


@pytest.fixture(scope="module", params=GATEWAYS)
def gateway(request, tmp_path_factory):
    name, directory = request.param, tmp_path_factory.mktemp("gateway")
    with served() as port, GATEWAYS[name](directory, port, by_host(name)) as server:
        server.name = name
        yield server


def compared(gateway, policies, asked):
    """
    Return the differences that no row explains, and the rows that the others needed.
    """
    guarded, found, needed = Guarded(policies), [], set()
    for one in asked:
        theirs, ours = of_gateway(gateway, one), guarded.answer(one)
        if theirs == ours:
            continue
        rows = {row for row in DIFFERENCES if gateway.name in row.gateways and row.applies(one, theirs, ours)}
        needed |= rows
        found += [] if rows else [(one, theirs, ours)]
    return found, needed


@pytest.mark.parametrize("form", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_every_answer_is_that_of_the_guard(gateway, form):
    found, needed = compared(gateway, by_host(gateway.name), requests(long=form == "long"))
    assert found == []
    assert needed == {row for row in DIFFERENCES if gateway.name in row.gateways}


def test_a_path_with_dot_segments_is_shared_only_if_the_guard_shares_it(gateway):
    guarded = Guarded(by_host(gateway.name))
    for path, kind in product(DOTS, ("GET", "preflight")):
        asked = Asked(kind, path, (APP,))
        theirs, ours = of_gateway(gateway, asked), guarded.answer(asked)
        assert theirs.of_cors in {(), ours.of_cors}
        assert "origin" in theirs.vary


@pytest.mark.parametrize("name", GATEWAYS)
def test_the_guard_may_stand_behind_the_gateway_too(name, tmp_path):
    # The server behind which the guard runs here reads several slashes at the beginning of a path as one.
    asked = [one for one in requests(long=False) if not one.path.startswith("//")][::3]
    policies = POLICIES_OF[name]
    with served(CORSMiddleware(backend, policies)) as port, GATEWAYS[name](tmp_path, port, policies) as server:
        server.name = name
        found, _ = compared(server, policies, asked)
    assert found == []


@pytest.mark.parametrize("name", ["haproxy", "varnish"])
def test_vary_is_not_sent_twice(name, tmp_path):
    with served(CORSMiddleware(backend, POLICIES)) as port, GATEWAYS[name](tmp_path, port, POLICIES) as server:
        for path in ("/api/x", "/api//internal"):
            reply = server.exchange("GET", path, f"Origin: {APP}")
            assert [value for name, value in reply.headers if name.lower() == "vary"] == ["Origin"]
        for theirs in ("*", "Cookie, ORIGIN"):
            answer = f"X-Answer: {THEIRS.index((('Vary', theirs),))} 200 OK"
            reply = server.exchange("GET", "/api/x", f"Origin: {APP}", answer)
            assert [value for name, value in reply.headers if name.lower() == "vary"] == [theirs]


@pytest.mark.parametrize("name", ["haproxy", "varnish"])
def test_a_request_without_a_path_is_in_no_zone(name, tmp_path):
    asked = Asked("preflight", "*", (APP,), theirs=1)
    with served() as port, GATEWAYS[name](tmp_path, port, POLICIES) as server:
        answer = of_gateway(server, asked)
    assert answer.ran
    assert [name for name, _ in answer.of_cors] == ["timing-allow-origin"]
    assert answer.vary == ("origin",)


@pytest.mark.parametrize("name", GATEWAYS)
def test_only_paths_below_the_mount_are_guarded(name, tmp_path):
    policy, paths = {"allow_origins": [APP]}, ("/app", "/app/x", "/apps", "/x", "/")
    asked = [Asked(kind, path, (APP,), theirs=1) for kind, path in product(("GET", "preflight"), paths)]
    with served() as port, GATEWAYS[name](tmp_path, port, policy, mount="/app") as server:
        server.name = name
        found, _ = compared(server, {"/app": policy}, asked)
    assert found == []


NAMES = tuple(f"X{char}y" for char in punctuation if is_token(char) and char != "*")
PREFIXES = tuple(f"/x{char}y" for char in f"{punctuation} \n\x7f\u00e9" if problem_of_prefix(f"/x{char}y") is None)
# As names of hosts, and as a part of what a client sends as a host.
ANY_HOSTS = tuple(f"x{char}y.example" for char in f"{punctuation}0 ")
NAMED_HOSTS = tuple(host for host in (*ANY_HOSTS, "*.x-y.example:81", "[::1]") if problem_of_host(host) is None)
ODDLY_NAMED = {
    "allow_origins": ["a+b-c.d://x-y_z.example", "https://a-b_c.example", "https://*.d-e_f.example"],
    "allow_credentials": True,
    "allow_methods": ["GET", *NAMES],
    "allow_headers": NAMES,
    "expose_headers": NAMES,
    "share_timing": True,
}
ODD_ORIGINS = (*ODDLY_NAMED["allow_origins"][:2], "https://x.d-e_f.example", "https://x-d-e_f.example")


@pytest.mark.parametrize("name", GATEWAYS)
def test_no_value_of_a_policy_becomes_configuration(name, tmp_path):
    of_host = {"paths": dict.fromkeys(PREFIXES, ODDLY_NAMED)}
    policies = {"hosts": {**dict.fromkeys(NAMED_HOSTS, ODDLY_NAMED), "localhost": of_host}}
    paths = [quote(f"{prefix}/z") for prefix in PREFIXES]
    paths += [f"{prefix}/z" for prefix in PREFIXES if prefix.isascii() and prefix.isprintable() and " " not in prefix]
    # Each path from one or two of the four origins.
    asks = [*product(("GET", "preflight"), paths, ODD_ORIGINS)][::3]
    asked = [Asked(kind, path, (origin,)) for kind, path, origin in asks]
    hosts = (*ANY_HOSTS, "z.x-y.example:81", "z.x-y.example", "zx-y.example:81", "[::1]", "[::1]:81")
    asked += [Asked(kind, "/", ODD_ORIGINS[:1], host=host) for kind, host in product(("GET", "preflight"), hosts)]
    with served() as port, GATEWAYS[name](tmp_path, port, policies) as server:
        server.name = name
        found, _ = compared(server, policies, asked)
    assert found == []


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_reads_long_values(name, tmp_path):
    names = [f"X-{'a' * 95}{number:03}" for number in range(30)]
    policies = {f"/{'a' * 200}": {"allow_origins": [APP], "allow_headers": names, "expose_headers": names[:5]}}
    with served() as port, GATEWAYS[name](tmp_path, port, policies) as server:
        for kind in ("GET", "preflight"):
            asked = Asked(kind, f"/{'a' * 200}/x", (APP,))
            assert of_gateway(server, asked) == Guarded(policies).answer(asked)


@pytest.mark.parametrize("name", GATEWAYS)
def test_errors_of_the_gateway_are_shared_like_those_of_the_application(name, tmp_path):
    guarded, paths = Guarded(POLICIES_OF[name]), ("/api/x", "/open/x", "/open/old/x", "/other")
    with GATEWAYS[name](tmp_path, free_port(), POLICIES_OF[name]) as server:
        for kind, path, origin in product(("GET", "preflight"), paths, (None, APP, EVIL)):
            asked = Asked(kind, path, () if origin is None else (origin,))
            theirs = of_gateway(server, asked)
            ours = guarded.answer(asked._replace(status=f"{theirs.status} Own"))
            assert theirs.status in ({502, 503} if ours.ran else {ours.status})
            assert theirs._replace(ran=ours.ran, body=ours.body) == ours
        # A request that is not HTTP is in no zone, or is answered as the guard answers it.
        theirs = of_gateway(server, Asked("GET", "/api/x y", (APP,)))
        assert theirs.status == 400
        assert theirs.of_cors in {(), guarded.answer(Asked("GET", "/api/x", (APP,))).of_cors}
