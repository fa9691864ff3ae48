"""
Random policies on a real gateway: sixty requests for each, compared with the guard.
"""

from random import Random
from urllib.parse import unquote

import pytest
from kit.gateways import KINDS, THEIRS, Asked, Guarded, of_gateway, served
from kit.gateways.haproxy import haproxy
from kit.gateways.nginx import nginx
from kit.sharing import share

from corsguard import Policies, PolicyError
from corsguard.names import TIMING_ALLOW_ORIGIN
from corsguard.policies import is_odd

GATEWAYS = {"nginx": nginx, "haproxy": haproxy}
SEEDS = share(range(200), 40)

SCHEMES = ("https", "http", "app")
HOSTS = ("a.example", "b.a.example", "localhost", "[::1]", "x_y.a.example", "pr-1.a.example", "a.example.")
PATTERNS = ("a.example", "*.a.example", "pr-*.a.example", "*-1.a.example", "localhost", "[::1]", "*.a.example.")
PORTS = ("", "", ":80", ":443", ":8080", ":8081", ":65535")
SEGMENTS = ("a", "b", "a-b", "A", "a b", "a+b", "\u00e9", "a'b", 'a"b', "a.b", "~", "a;b", "a,b", "a&b")
NAMES = ("X-A", "X-!#$&'+.^_`|~%", "Content-Type")
# Hosts of the server. The last ones are keys with a star.
NAMED = (
    "localhost",
    "a.example",
    "b.a.example",
    "a.example:81",
    "b.a.example:81",
    "[::1]",
    "*.a.example",
    "*.a.example:81",
)
SENT = (
    *NAMED[:-2],
    "A.example:80",
    "c.a.example",
    "d.b.a.example:443",
    "c.a.example:81",
    "a.example.",
    "ba.example",
    "x.a.example:082",
)


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
        "share_timing": random.random() < 0.3,
    }


def prefix_of(random):
    return "".join(f"/{random.choice(SEGMENTS)}" for _ in range(random.randint(0, 3))) or "/"


def at_host(random):
    """
    Return random policies that are accepted, by path or one for everything.
    """
    while True:
        try:
            if random.random() < 0.2:
                policies = policy_of(random)
            else:
                choices = [policy_of, policy_of, lambda _: None, lambda _: "unguarded"]
                of_path = {prefix_of(random): random.choice(choices)(random) for _ in range(random.randint(1, 5))}
                policies = {"paths": of_path}
            Policies(policies)
        except PolicyError:
            continue
        return policies


def policies_of(random):
    """
    Return the same by host, or for every host.
    """
    if random.random() < 0.5:
        return at_host(random)
    return {"hosts": {host: at_host(random) for host in random.sample(NAMED, random.randint(1, 4))}}


def spelled(random, char):
    encoded = "".join(f"%{byte:02x}" for byte in char.encode())
    plain = char.isascii() and char not in ' "'
    return char if plain and random.random() < 0.8 else random.choice([encoded, encoded.upper()])


def prefixes_of(policies):
    return [prefix for at in policies.get("hosts", {"": policies}).values() for prefix in at.get("paths", ["/"])]


def request_of(random, prefixes):
    prefix = random.choice([*prefixes, prefix_of(random)]).rstrip("/")
    path = prefix + random.choice(["", "/", "/x", "/a", "x", "//a", "/a/b"])
    path = "".join(spelled(random, char) for char in path) or "/"
    origin = f"{random.choice(SCHEMES)}://{random.choice(HOSTS)}{random.choice(PORTS)}"
    origins = () if random.random() < 0.15 else (origin,)
    host = random.choice(SENT)
    path = path if path.startswith("/") else f"/{path}"
    return Asked(random.choice([*KINDS]), path, origins, theirs=random.randint(0, 1), host=host)


def may_be_closed(asked, theirs, ours):
    """
    Return whether the path can be read in several ways. A gateway may then share nothing and send Vary, because it may
    not be sure what the guard finds.
    """
    shared = [line for line in theirs.of_cors if line[0] != TIMING_ALLOW_ORIGIN.lower()]
    is_left = (ours.of_cors, ours.vary) == (
        tuple((name.lower(), value) for name, value in sorted(THEIRS[asked.theirs])),
        (),
    )
    same = theirs._replace(vary=ours.vary, of_cors=ours.of_cors) == ours
    return is_odd(unquote(asked.path)) and not shared and same and (is_left or theirs.of_cors == ours.of_cors)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", GATEWAYS)
def test_a_random_policy_is_answered_as_the_guard_answers_it(name, seed, tmp_path):
    random = Random(seed)
    policies = policies_of(random)
    guarded = Guarded(policies)
    with served() as port, GATEWAYS[name](tmp_path, port, policies) as gateway:
        for _ in range(60):
            asked = request_of(random, prefixes_of(policies))
            theirs, ours = of_gateway(gateway, asked), guarded.answer(asked)
            assert theirs == ours or may_be_closed(asked, theirs, ours), (policies, asked)
