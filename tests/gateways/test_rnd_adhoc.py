"""
Random policies through a real gateway: sixty requests each, compared with the guard.
"""

from random import Random

import pytest
from kit.gateways import KINDS, Asked, Guarded, of_gateway, served
from kit.gateways.haproxy import haproxy
from kit.gateways.nginx import nginx
from kit.gateways.varnish import varnish

from corsguard import Policies, PolicyError

GATEWAYS = {"nginx": nginx, "haproxy": haproxy, "varnish": varnish}
SEEDS = [*range(20), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(20, 200))]

SCHEMES = ("https", "http", "app")
HOSTS = ("a.example", "b.a.example", "localhost", "[::1]", "x_y.a.example", "pr-1.a.example", "a.example.")
PATTERNS = ("a.example", "*.a.example", "pr-*.a.example", "*-1.a.example", "localhost", "[::1]", "*.a.example.")
PORTS = ("", "", ":80", ":443", ":8080", ":8081", ":65535")
SEGMENTS = ("a", "b", "a-b", "A", "a b", "a+b", "\u00e9", "a'b", 'a"b', "a.b", "~", "a;b", "a,b", "a&b")
NAMES = ("X-A", "X-!#$&'+.^_`|~%", "Content-Type")


def policy_of(random):
    origins = [
        f"{random.choice(SCHEMES)}://{random.choice(PATTERNS)}{random.choice((*PORTS, ':*'))}"
        for _ in range(random.randint(1, 4))
    ]
    return {
        "allow_origins": "*" if random.random() < 0.2 else origins,
        "allow_methods": random.sample(["GET", "PUT", "POST", "M!#$&'+.^_`|~%"], random.randint(1, 4)),
        "allow_headers": random.sample(NAMES, random.randint(0, 3)),
        "expose_headers": random.sample(["X-A", "X-$1", "X-%"], random.randint(0, 3)),
        "allow_credentials": random.random() < 0.5,
        "max_age": random.choice([None, 0, 7200]),
        "preflight_status": random.choice([200, 204]),
    }


def prefix_of(random):
    return "".join(f"/{random.choice(SEGMENTS)}" for _ in range(random.randint(0, 3))) or "/"


def policies_of(random):
    """
    Return random policies that are not refused, by path or one for everything.
    """
    while True:
        try:
            if random.random() < 0.2:
                policies = policy_of(random)
            else:
                choices = [policy_of, policy_of, lambda _: None, lambda _: "unguarded"]
                policies = {prefix_of(random): random.choice(choices)(random) for _ in range(random.randint(1, 5))}
            Policies(policies)
        except PolicyError:
            continue
        return policies


def spelled(random, char):
    encoded = "".join(f"%{byte:02x}" for byte in char.encode())
    plain = char.isascii() and char not in ' "'
    return char if plain and random.random() < 0.8 else random.choice([encoded, encoded.upper()])


def request_of(random, prefixes):
    prefix = random.choice([*prefixes, prefix_of(random)]).rstrip("/")
    path = prefix + random.choice(["", "/", "/x", "/a", "x", "//a", "/a/b"])
    path = "".join(spelled(random, char) for char in path) or "/"
    origin = f"{random.choice(SCHEMES)}://{random.choice(HOSTS)}{random.choice(PORTS)}"
    origins = () if random.random() < 0.15 else (origin,)
    return Asked(random.choice([*KINDS]), path if path.startswith("/") else f"/{path}", origins)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", GATEWAYS)
def test_a_random_policy_is_answered_as_by_the_guard(name, seed, tmp_path):
    random = Random(seed)
    policies = policies_of(random)
    guarded = Guarded(policies)
    prefixes = [key for key in policies if key.startswith("/")] or ["/"]
    with served() as port, GATEWAYS[name](tmp_path, port, policies) as gateway:
        for _ in range(60):
            asked = request_of(random, prefixes)
            theirs, ours = of_gateway(gateway, asked), guarded.answer(asked)
            # At a path that can be read in several ways there may be one Vary more.
            same_but_vary = theirs._replace(vary=()) == ours._replace(vary=()) and "origin" in theirs.vary
            assert theirs == ours or (same_but_vary and not ours.of_cors), (policies, asked)
