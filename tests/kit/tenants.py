"""
Tenants of one process, each with hosts and origins of its own, and which of them each value of `Host` means.
"""

from .cases import LISTED

# The origin of each tenant's pages.
ORIGINS = {
    name: f"https://{name}.front.example"
    for name in ("acme", "acme-beta", "globex", "initech", "umbrella", "v6", "unicode", "local")
}


def policy_of(tenant):
    return {"allow_origins": [ORIGINS[tenant]], "allow_credentials": True, "allow_methods": ["GET", "DELETE"]}


HOSTS = {
    "hosts": {
        "api.acme.example": policy_of("acme"),
        "api.acme.example:8443": policy_of("acme-beta"),
        "*.tenants.example": policy_of("globex"),
        "x.tenants.example": policy_of("initech"),
        "*.deep.tenants.example": policy_of("umbrella"),
        "[2001:db8::1]:3000": policy_of("v6"),
        "xn--bcher-kva.example": policy_of("unicode"),
        "localhost:443": policy_of("local"),
        "closed.example": None,
        "own.example": "unguarded",
        "paths.example": {"paths": {"/api": LISTED}},
    }
}

# The tenant that a host means. None means that no key matches, and nothing is touched.
TENANT_OF = {
    "api.acme.example": "acme",
    "API.Acme.EXAMPLE": "acme",
    "api.acme.example:80": "acme",
    "api.acme.example:443": "acme",
    "api.acme.example:8080": "acme",
    "api.acme.example:8443": "acme-beta",
    "y.tenants.example": "globex",
    "y.z.tenants.example": "globex",
    "y.tenants.example:65535": "globex",
    "deep.tenants.example": "globex",
    "x.tenants.example": "initech",
    "x.tenants.example:8443": "initech",
    "y.x.tenants.example": "globex",
    "y.deep.tenants.example": "umbrella",
    "y_1.z--2.deep.tenants.example": "umbrella",
    "[2001:db8::1]:3000": "v6",
    "[2001:DB8::1]:3000": "v6",
    "xn--bcher-kva.example": "unicode",
    "localhost": "local",
    "localhost:80": "local",
    "localhost:8000": "local",
    # Another host.
    "acme.example": None,
    "evil.api.acme.example": None,
    "api.acme.example.evil.example": None,
    "tenants.example": None,
    "xtenants.example": None,
    "y.tenants.example.evil.example": None,
    "[2001:db8::1]": None,
    "[2001:db8::2]:3000": None,
    "127.0.0.1": None,
    "evil.example": None,
    # Not a valid host, or not one of the keys.
    "": None,
    "api.acme.example.": None,
    "y.tenants.example.": None,
    "api.acme.example,api.acme.example": None,
    "api.acme.example, evil.example": None,
    "user@api.acme.example": None,
    "user:password@y.tenants.example": None,
    "api.acme.example:": None,
    "api.acme.example:0": None,
    "api.acme.example:0443": None,
    "api.acme.example:65536": None,
    "api.acme.example:443:443": None,
    "api.acme.example:*": None,
    "api.acme.example:https": None,
    "http://api.acme.example": None,
    "//api.acme.example": None,
    "api.acme.example/": None,
    "api.acme.example?": None,
    "api.acme.example#": None,
    "api..acme.example": None,
    ".tenants.example": None,
    "*.tenants.example": None,
    "y z.tenants.example": None,
    "y%2e.tenants.example": None,
    "[2001:db8:0::1]:3000": None,
    "[2001:db8::1%25eth0]:3000": None,
    "2001:db8::1": None,
    "b\xfccher.example": None,
    f"{'y' * 64}.tenants.example": None,
    f"{'y.' * 120}tenants.example": None,
    f"{'y' * 100_000}.tenants.example": None,
    "null": None,
}
