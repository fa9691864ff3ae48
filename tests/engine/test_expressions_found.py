"""
Regular expressions from public projects, with other hosts. The tests hold what is read of each. With `re` itself they
check that no origin and no path is gained, or lost without a word.
"""

import re
from itertools import product

import pytest
from kit.sharing import share

from corsguard import Origin, OriginPattern
from corsguard.audience import OriginIndex
from corsguard.expressions import patterns_of, prefixes_of

# The patterns, then what would cover more, then an example of each kind of loss.

ORIGINS = {
    r"https?://(.*\.)?example\.com:?\d*/?.*": (
        ["http://example.com:*", "http://*.example.com:*", "https://example.com:*", "https://*.example.com:*"],
        [],
        ["http://example.com.evil.example"],
    ),
    r"https?://\w*\.?example\.com:?\d*/?.*": (
        ["http://example.com:*", "https://example.com:*"],
        ["http://*.example.com:*", "https://*.example.com:*"],
        ["http://example.com.evil.example"],
    ),
    "^http://localhost:[0-9]+$": ([], ["http://localhost:*"], []),
    r"^http://127\.0\.0\.1:[0-9]+$": ([], ["http://127.0.0.1:*"], []),
    r"^https://\w+\.example\.io$": ([], ["https://*.example.io"], []),
    "https://*.example.com": ([], ["https://*.example.com"], ["https://example.com"]),
    r"^https://shop-[a-z0-9]+-acmes-projects\.vercel\.app$": ([], ["https://shop-*-acmes-projects.vercel.app"], []),
    r"^https://.*\.ngrok-free\.app$": (["https://*.ngrok-free.app"], [], []),
    r".*\.example\.com.*": (
        ["https://*.example.com", "http://*.example.com"],
        [],
        ["https://a.example.com.evil.example", "https://a.example.com:8443"],
    ),
    r"^https:\/\/.*\.vercel\.app$": (["https://*.vercel.app"], [], []),
    r"^https://shop-ordering-platform.*\.vercel\.app$": (
        ["https://shop-ordering-platform.vercel.app", "https://shop-ordering-platform*.vercel.app"],
        [],
        ["https://shop-ordering-platform.a.vercel.app"],
    ),
    r"^https:\/\/shop-dql2-.*\.vercel\.app$": (
        ["https://shop-dql2-*.vercel.app"],
        [],
        ["https://shop-dql2-.vercel.app"],
    ),
    r"^http://localhost:\d+$": ([], ["http://localhost:*"], []),
    r"^https?://localhost:\d+$": ([], ["http://localhost:*", "https://localhost:*"], []),
    r"^.*\.localhost:\d+$": ([], ["https://*.localhost:*", "http://*.localhost:*"], ["app://a.localhost:1"]),
    "^https?://example.com": (
        ["http://example.com", "https://example.com"],
        [],
        ["http://example.com.evil.example", "http://example.com:8443"],
    ),
    r"^http://10\.\d+\.\d+\.\d+$": ([], [], ["http://10.0.0.0"]),
    r"^https://[\w-]+\.example\.ac\.in$": ([], ["https://*.example.ac.in"], []),
    r"^(https?://)?(\w*-*\w*\.+)*example\.com$": (
        ["https://example.com", "http://example.com"],
        ["https://*.example.com", "http://*.example.com"],
        [],
    ),
    r"^(https?://)?(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d{4})?$": (
        [
            "https://localhost",
            "http://localhost",
            "https://127.0.0.1",
            "http://127.0.0.1",
            "https://0.0.0.0",
            "http://0.0.0.0",
        ],
        [
            "https://localhost:*",
            "http://localhost:*",
            "https://127.0.0.1:*",
            "http://127.0.0.1:*",
            "https://0.0.0.0:*",
            "http://0.0.0.0:*",
        ],
        [],
    ),
    r"^(https?://)?(\w+\.)?example\.org(:\d+)?$": (
        ["https://example.org:*", "http://example.org:*"],
        ["https://*.example.org:*", "http://*.example.org:*"],
        [],
    ),
    r"^(https?://)?(localhost|127\.0\.0\.1)?(:\d+)?$": (
        ["https://localhost:*", "http://localhost:*", "https://127.0.0.1:*", "http://127.0.0.1:*"],
        [],
        [],
    ),
    r".*\.example\.com": (
        ["https://*.example.com", "http://*.example.com"],
        [],
        ["https://a.example.com.evil.example", "https://a.example.com:8443"],
    ),
    r"^(https?://)?shop-env-([a-z_0-9]*)\.elasticbeanstalk\.com$": (
        [],
        ["https://shop-env-*.elasticbeanstalk.com", "http://shop-env-*.elasticbeanstalk.com"],
        ["http://shop-env-.elasticbeanstalk.com"],
    ),
    r"^(https?://)?(www\.)?example\.in": (
        ["https://example.in", "http://example.in", "https://www.example.in", "http://www.example.in"],
        [],
        ["https://example.in.evil.example", "https://example.in:8443"],
    ),
    r"http://(localhost|127\.0\.0\.1):\d+": ([], ["http://localhost:*", "http://127.0.0.1:*"], []),
    r"^https?://(localhost|10\.\d{1,3}\.\d{1,3}\.\d{1,3}|172\.(?:1[6-9]|2\d|3[0-1])\.\d{1,3}\.\d{1,3})(?::\d+)?$": (
        ["http://localhost:*", "https://localhost:*"],
        [],
        [
            "http://10.0.0.0",
            "http://172.16.0.0",
            "http://172.20.0.0",
            "http://172.30.0.0",
            "https://10.0.0.0",
            "https://172.16.0.0",
            "https://172.20.0.0",
            "https://172.30.0.0",
        ],
    ),
    r"^https?://(localhost|127\.0\.0\.1)(:\d+)?$": (
        ["http://localhost:*", "http://127.0.0.1:*", "https://localhost:*", "https://127.0.0.1:*"],
        [],
        [],
    ),
    r"https://.*\.vercel\.app": (
        ["https://*.vercel.app"],
        [],
        ["https://a.vercel.app.evil.example", "https://a.vercel.app:8443"],
    ),
    "https://.*": ([], [], ["https://a"]),
    "^https?://.+$": ([], [], ["http://a", "https://a"]),
    r"^http:\/\/localhost:*([0-9]+)?$": (["http://localhost:*"], [], ["http://localhost0"]),
    r"^http:\/\/127.0.0.1:*([0-9]+)?$": (["http://127.0.0.1:*"], [], ["http://127a0a0a1"]),
    "http://localhost:8000": (["http://localhost:8000"], [], []),
    r"^http://172\.(?:1[6-9]|2[0-9]|3[01]).(\d|\.)*:8080$": (
        [],
        [],
        ["http://172.16a:8080", "http://172.20a:8080", "http://172.30a:8080"],
    ),
    r"^http://192\.168.(\d|\.)*:8080$": ([], [], ["http://192.168a:8080", "http://192.168.0.0:8080"]),
    r"^https:\/\/([a-z0-9-]+\.)*example\.uz$": (["https://example.uz"], ["https://*.example.uz"], []),
    r"https:\/\/(.)*\.example\.now\.sh": (
        ["https://*.example.now.sh"],
        [],
        ["https://a.example.now.sh.evil.example", "https://a.example.now.sh:8443"],
    ),
    r"^(https?://)?(.*\.)?example\.no$": (
        ["https://example.no", "http://example.no", "https://*.example.no", "http://*.example.no"],
        [],
        ["app://a.example.no"],
    ),
    "(http|https)://*.example.com": ([], ["http://*.example.com", "https://*.example.com"], ["http://example.com"]),
    "https://*": ([], [], ["https://a"]),
    r"^(.*\.|)example\.com$": (
        ["https://*.example.com", "http://*.example.com"],
        ["https://example.com", "http://example.com"],
        ["app://a.example.com"],
    ),
    "^http://localhost:(3000|3001|3002)$": (
        ["http://localhost:3000", "http://localhost:3001", "http://localhost:3002"],
        [],
        [],
    ),
    r"^https://chat-hub-git-[\w-]+-open-acme\.vercel\.app$": (["https://chat-hub-git-*-open-acme.vercel.app"], [], []),
    r"^http(s://.*|://(.*\.)?localhost(:\d+)?)$": (["http://localhost:*", "http://*.localhost:*"], [], ["https://a"]),
    r"^https://.*|^http://(localhost|.*\.localhost)(:\d+)?$": (
        ["http://localhost:*", "http://*.localhost:*"],
        [],
        ["https://a"],
    ),
    r"https://shop-[^.]*-acme-projects\.vercel\.app": (
        ["https://shop-*-acme-projects.vercel.app"],
        [],
        ["https://shop-a-acme-projects.vercel.app.evil.example", "https://shop-a-acme-projects.vercel.app:8443"],
    ),
    # No host name begins with a hyphen, so the hyphen behind a star is not its first letter.
    r"^https://.*-acme-projects-8be31e4e\.vercel\.app$": (
        ["https://*-acme-projects-8be31e4e.vercel.app"],
        [],
        ["https://-acme-projects-8be31e4e.vercel.app"],
    ),
    r"^https://shop(-git-.*)?-acme\.vercel\.app$": (
        ["https://shop-acme.vercel.app", "https://shop-git-*-acme.vercel.app"],
        [],
        ["https://shop-git--acme.vercel.app"],
    ),
    # A page of this machine has a port.
    r"^https?://localhost": (["http://localhost:*", "https://localhost:*"], [], ["http://localhost.evil.example"]),
    r"https?://.*\.localhost": (
        ["http://*.localhost:*", "https://*.localhost:*"],
        [],
        ["http://a.localhost.evil.example"],
    ),
    r"^https://deploy-preview-\d+--shopapp.netlify.app$": (
        [],
        ["https://deploy-preview-*--shopapp.netlify.app"],
        ["https://deploy-preview-1--shopappxnetlify.app"],
    ),
    r"^https://[a-zA-Z0-9._-]+\.(ngrok\.io|ngrok-free\.app|ngrok\.app)$": (
        ["https://*.ngrok.io", "https://*.ngrok-free.app", "https://*.ngrok.app"],
        [],
        [],
    ),
    r"^https?://(localhost|127\.0\.0\.1)(:[0-9]+)?/?$": (
        ["http://localhost:*", "http://127.0.0.1:*", "https://localhost:*", "https://127.0.0.1:*"],
        [],
        [],
    ),
    r"^https?://(localhost|127\.0\.0\.1|\[::1\]|testserver)(:\d+)?$": (
        [
            "http://localhost:*",
            "http://127.0.0.1:*",
            "http://[::1]:*",
            "http://testserver:*",
            "https://localhost:*",
            "https://127.0.0.1:*",
            "https://[::1]:*",
            "https://testserver:*",
        ],
        [],
        [],
    ),
    "https?://.*": ([], [], ["http://a", "https://a"]),
    "http://127.0.0.1:.*": ([], ["http://127.0.0.1:*"], ["http://127a0a0a1:1"]),
    "https://.*|http://localhost:.*|http://127.0.0.1:.*": (
        [],
        ["http://localhost:*", "http://127.0.0.1:*"],
        ["https://a"],
    ),
    r"^(https?:\/\/)?(\w+\.)?(.*)?example-space\.netlify\.com\/?$": (
        [
            "https://example-space.netlify.com",
            "http://example-space.netlify.com",
            "https://*.example-space.netlify.com",
            "http://*.example-space.netlify.com",
        ],
        [],
        ["https://axexample-space.netlify.com"],
    ),
    "^(https?://)(0.0.0.0|127.0.0.1|localhost):4200$": (
        [
            "http://0.0.0.0:4200",
            "http://127.0.0.1:4200",
            "http://localhost:4200",
            "https://0.0.0.0:4200",
            "https://127.0.0.1:4200",
            "https://localhost:4200",
        ],
        [],
        ["http://0a0a0a0:4200"],
    ),
    r"^http://(.+)\.example\.org$": (["http://*.example.org"], [], []),
    "^https?://(192.168.1.21|localhost):*": (
        ["http://192.168.1.21:*", "http://localhost:*", "https://192.168.1.21:*", "https://localhost:*"],
        [],
        ["http://192.168.1.21.evil.example"],
    ),
    r"https://.*\.run\.app": (["https://*.run.app"], [], ["https://a.run.app.evil.example", "https://a.run.app:8443"]),
    "http://localhost:*": (["http://localhost:*"], [], ["http://localhost.evil.example"]),
    r"https?://.*\.localhost(:\d+)?": (
        ["http://*.localhost:*", "https://*.localhost:*"],
        [],
        ["http://a.localhost.evil.example"],
    ),
    r"^https://localhost:\d+$": ([], ["https://localhost:*"], []),
    "^chrome-extension://.*$": (["chrome-extension://*"], [], ["chrome-extension://a:1"]),
    r"^https?://(localhost|127\.0\.0\.1|192\.168\.\d+\.\d+)(:\d+)?$": (
        ["http://localhost:*", "http://127.0.0.1:*", "https://localhost:*", "https://127.0.0.1:*"],
        [],
        ["http://192.168.0.0", "https://192.168.0.0"],
    ),
    r"https?://.*\.amazonaws\.com": (
        ["http://*.amazonaws.com", "https://*.amazonaws.com"],
        [],
        ["http://a.amazonaws.com.evil.example", "http://a.amazonaws.com:8443"],
    ),
    "^moz-extension://[a-f0-9-]+$": ([], ["moz-extension://*"], []),
    r"^https://([a-z0-9-]+\.)?example\.com(:[0-9]{1,5})?$": (
        ["https://example.com:*"],
        ["https://*.example.com:*"],
        [],
    ),
    r"https?://(?:.+\.)?example\.com(?::\d{1,5})?": (
        ["http://example.com:*", "http://*.example.com:*", "https://example.com:*", "https://*.example.com:*"],
        [],
        ["http://example.com.evil.example"],
    ),
    r"^https://(app|www)\.example\.(com|org|net)$": (
        [
            "https://app.example.com",
            "https://app.example.org",
            "https://app.example.net",
            "https://www.example.com",
            "https://www.example.org",
            "https://www.example.net",
        ],
        [],
        [],
    ),
    r"^https:\/\/deploy-preview-\d+--shop\.netlify\.app$": ([], ["https://deploy-preview-*--shop.netlify.app"], []),
    r"^https://[0-9a-f]{8}\.shop\.pages\.dev$": ([], ["https://*.shop.pages.dev"], []),
    r"^https?:\/\/(?:[^\/]+\.)?example\.com$": (
        ["http://example.com", "http://*.example.com", "https://example.com", "https://*.example.com"],
        [],
        [],
    ),
    r"^exp:\/\/.*$": (["exp://*"], [], ["exp://a:1"]),
    r"^capacitor:\/\/localhost$": (["capacitor://localhost"], [], []),
    "^null$": ([], [], ["null"]),
    r"^(https://app\.example\.com|null)$": (["https://app.example.com"], [], ["null"]),
    r"http://localhost:(\d{4,5})": ([], ["http://localhost:*"], []),
    r"^https://preview\d\d\.example\.com$": ([], ["https://preview*.example.com"], []),
}
ORIGINS_ALL = ["^(.*)", ""]
# They match nothing. These were probably meant.
ORIGINS_NOTHING = {
    r"^localhost:\d+$": ["https://localhost:*", "http://localhost:*"],
    r"example\.com": ["https://example.com", "http://example.com"],
    "localhost:4200": ["https://localhost:4200", "http://localhost:4200"],
    "http://localhost:4200/": [],
    r"^https://app\.example\.com:443$": [],
    "^$": [],
}
PATHS = {
    "^/api/.*$": (["/api"], ["/api"], []),
    "/api/*": (["/api"], [], ["/apia"]),
    "^/(api|feed)/.*$": (["/api", "/feed"], ["/api", "/feed"], []),
    r"^/api(_v\d)?/.*$": (
        [
            "/api",
            "/api_v0",
            "/api_v1",
            "/api_v2",
            "/api_v3",
            "/api_v4",
            "/api_v5",
            "/api_v6",
            "/api_v7",
            "/api_v8",
            "/api_v9",
        ],
        [
            "/api",
            "/api_v0",
            "/api_v1",
            "/api_v2",
            "/api_v3",
            "/api_v4",
            "/api_v5",
            "/api_v6",
            "/api_v7",
            "/api_v8",
            "/api_v9",
        ],
        [],
    ),
    "^/(oauth|api/serop)/.*$": (["/oauth", "/api/serop"], ["/oauth", "/api/serop"], []),
    "^/(?:api|user/oauth)/.*": (["/api", "/user/oauth"], ["/api", "/user/oauth"], []),
    "^/([a-zA-Z-]+/)?(newsletter)/": (["/newsletter"], ["/newsletter"], ["/a/newsletter/"]),
    "^/(graphql|api/v1).*$": (["/api/v1", "/graphql"], [], ["/api/v1a"]),
    "^/(api|_allauth)/": (["/api", "/_allauth"], ["/api", "/_allauth"], []),
    "^/(massbank|custom|history|popular)(/.*)?$": (["/custom", "/history", "/popular", "/massbank"], [], []),
    "^/api(?:/|$)": (["/api"], [], []),
    "/api/v1/*": (["/api/v1"], [], ["/api/v1a"]),
    "/api/v[12]/.*": (["/api/v1", "/api/v2"], ["/api/v1", "/api/v2"], []),
    "^/(api|auth)/": (["/api", "/auth"], ["/api", "/auth"], []),
    r"\/api\/.*": (["/api"], ["/api"], []),
    "(^/api/2/search/.*$)|(^/api/2/user/.*$)|(^/graphql/.*$)": (
        ["/graphql", "/api/2/user", "/api/2/search"],
        ["/graphql", "/api/2/user", "/api/2/search"],
        [],
    ),
    r"/api/v\d+/.*": ([], ["/api"], ["/api/v0/"]),
    "^/api/v1.0/.*$": (["/api/v1.0"], ["/api/v1.0"], ["/api/v1a0/"]),
    "/service path": (["/service path"], [], ["/service patha"]),
    r"/a\+b/.*": (["/a+b"], ["/a+b"], []),
    "/x@y/.*": (["/x@y"], ["/x@y"], []),
    "^/über/.*$": (["/über"], ["/über"], []),
    r"^/files/.*\.json$": ([], ["/files"], ["/files/.json", "/files/a.json"]),
    "/static/*": (["/static"], [], ["/statica"]),
    "/.well-known/.*": (["/.well-known"], ["/.well-known"], ["/awell-known/"]),
    "^/api(/v1/.*)?$": (["/api", "/api/v1"], ["/api", "/api/v1"], []),
    "/auth/login$": (["/auth/login"], ["/auth/login"], []),
    "^/$": ([], [], ["/"]),
    "/api/.+": (["/api"], ["/api"], []),
    r"^\/graphql\/?$": (["/graphql"], ["/graphql"], []),
    r"^/(v\d+|api)": (["/api"], [], ["/apia", "/v0"]),
    "^/(en|de)/api/": (["/de/api", "/en/api"], ["/de/api", "/en/api"], []),
    r"^/api/[\w-]+/public/.*$": ([], ["/api"], ["/api/a/public/"]),
    "/users/<id>": ([], [], ["/users/<id>"]),
    ".*/api/.*": (["/api"], ["/api"], ["/a/api/"]),
    "^(/api/.*|/media/.*|/static/.*)$": (["/api", "/media", "/static"], ["/api", "/media", "/static"], []),
    "/api/users/[0-9]+": ([], ["/api/users"], ["/api/users/0"]),
    "^/api$": (["/api"], ["/api"], []),
}
PATHS_ALL = ["/*", "^.*$", "^/.*$", "/.*", "^/"]
# They match nothing. These were probably meant.
PATHS_NOTHING = {
    "api/*": ["/api"],
    "api/v1/*": ["/api/v1"],
}
NOT_READ = [
    (patterns_of, r"/\Ahttps?:\/\/([a-zA-Z\d-]+\.){0,}example\.com\/?\z/", "it is not a regular expression"),
    (
        patterns_of,
        r"^https://(?!admin\.)[a-z]+\.example\.com$",
        "it looks ahead or behind, or has another extension in parentheses",
    ),
    (prefixes_of, "*", "it is not a regular expression"),
    (prefixes_of, "^/(?!public/).*$", "it looks ahead or behind, or has another extension in parentheses"),
    (prefixes_of, "^/(?!panel(/|$)).*", "it looks ahead or behind, or has another extension in parentheses"),
]


NAMES = [
    *("example.com", "www.example.com", "a.b.example.com", "a-b.example.com", "a_b.example.com", "axexample.com"),
    *("examplexcom", "example.com.", "example.org", "a.example.io", "a.example.uz", "a.b.example.now.sh", "example.no"),
    *("example.in", "www.example.in", "a.example.ac.in", "localhost", "a.localhost", "a.b.localhost", "testserver"),
    *(
        "127.0.0.1",
        "127x0x0xa",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.1.2",
        "172.31.1.2",
        "172.32.1.2",
        "192.168.1.21",
        "[::1]",
    ),
    *("shop-1-acmes-projects.vercel.app", "shop-ordering-platform.vercel.app", "shop-dql2-x.vercel.app"),
    *("chat-hub-git-x-y-open-acme.vercel.app", "shop-1-acme-projects.vercel.app", "x.ngrok-free.app", "x.run.app"),
    *("shop-env-x.elasticbeanstalk.com", "x.amazonaws.com", "0a1b2c3d.shop.pages.dev", "preview07.example.com"),
    *(
        "deploy-preview-7--shop.netlify.app",
        "example-space.netlify.com",
        "x.example-space.netlify.com",
        "abcdef",
        "evil",
    ),
]
HOSTS = [
    *NAMES,
    *(f"{name}.evil.example" for name in NAMES if "." in name and name[-1].isalpha()),
    "localhost.evil.example",
]
SCHEMES = ["http", "https", "app", "capacitor", "exp", "chrome-extension", "moz-extension"]
GENERATED = [
    origin
    for scheme, host, port in product(SCHEMES, HOSTS, ["", ":80", ":443", ":3000", ":3001", ":4200", ":8080", ":65535"])
    if Origin.parse(origin := f"{scheme}://{host}{port}")
] + ["null"]

SEGMENTS = [
    "api",
    "apia",
    "v1",
    "v7",
    "public",
    "a b",
    "a+b",
    "x@y",
    "über",
    "a.json",
    ".json",
    "users",
    "7",
    "graphql",
]
HEADS = [prefix for prefixes, _, _ in PATHS.values() for prefix in prefixes]
GENERATED_PATHS = [
    *("/" + "/".join(segments) for count in (1, 2, 3) for segments in product(SEGMENTS, repeat=count)),
    *(f"{head}{end}" for head in HEADS for end in ("", "/", "a", "/a", "/a/b", "/é")),
    "/",
]


@pytest.mark.parametrize(("read", "table"), [(patterns_of, ORIGINS), (prefixes_of, PATHS)])
def test_expressions_are_read_as_listed(read, table):
    for expression, expected in table.items():
        covered = read(expression)
        lost = [*filter(None, [covered.lost]), *covered.also_lost]
        assert (expression, [*covered.spellings], [text for text, _ in covered.wider], lost) == (expression, *expected)
        assert not covered.all
        assert not covered.nothing


@pytest.mark.parametrize(("read", "table"), [(patterns_of, ORIGINS_NOTHING), (prefixes_of, PATHS_NOTHING)])
def test_expressions_that_match_nothing_name_what_was_meant(read, table):
    for expression, meant in table.items():
        covered = read(expression)
        assert (expression, covered.nothing, [text for text, _ in covered.wider]) == (expression, True, meant)


@pytest.mark.parametrize(("function", "expression", "reason"), NOT_READ)
def test_expressions_that_cannot_be_translated_are_refused_with_the_reason(function, expression, reason):
    with pytest.raises(ValueError, match=reason):
        function(expression)


@pytest.mark.parametrize("expression", [*share(ORIGINS), *ORIGINS_ALL, *ORIGINS_NOTHING])
def test_no_origin_is_gained_or_lost_without_an_example(expression):
    covered = patterns_of(expression)
    taken, wider = (index_of(texts) for texts in (covered.spellings, [text for text, _ in covered.wider]))
    assert [origin for origin in GENERATED if taken.covers(origin) and not re.match(expression, origin)] == []
    matched = [origin for origin in GENERATED if re.match(expression, origin)]
    silent = [origin for origin in matched if not (taken.covers(origin) or wider.covers(origin))]
    assert covered.all or covered.lost is not None or silent == []
    assert not (covered.nothing and matched)
    assert not covered.all or matched == GENERATED
    for origin in (covered.lost, *covered.also_lost):
        assert origin is None or (re.match(expression, origin) and not taken.covers(origin))


@pytest.mark.parametrize("expression", [*PATHS, *PATHS_ALL, *PATHS_NOTHING])
def test_no_path_is_gained_or_lost_without_an_example(expression):
    covered = prefixes_of(expression)
    wider = dict(covered.wider)
    matched = {path for path in GENERATED_PATHS if re.match(expression, path)}
    for prefix in covered.spellings:
        below = {path for path in GENERATED_PATHS if path == prefix or path.startswith(f"{prefix}/")}
        assert prefix in wider or below <= matched
        assert prefix not in wider or not re.match(expression, wider[prefix])
        matched -= below
    assert covered.all or covered.lost is not None or not matched
    assert not (covered.nothing and matched)
    assert not covered.all or matched == {*GENERATED_PATHS}
    for path in (covered.lost, *covered.also_lost):
        assert path is None or re.match(expression, path)


def index_of(texts):
    return OriginIndex([OriginPattern.parse(text) for text in texts])
