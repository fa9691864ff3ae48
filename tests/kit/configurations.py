"""
Configurations of other libraries from public projects, with other hosts. Mistakes are as they were found.
"""

import re
from datetime import timedelta

LOCAL = ["http://localhost:3000", "http://localhost:5173", "http://127.0.0.1:3000", "http://127.0.0.1:5173"]
TYPED = ["Content-Type", "Authorization"]
EACH = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
THEIRS = [
    "accept",
    "accept-encoding",
    "authorization",
    "content-type",
    "dnt",
    "origin",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
]

# The keywords of CORS(app, ...) of flask-cors, and the config of the application (CORS_*).
FLASK = [
    {},
    {"origins": [r"https://app\.example\.com", r"^http://dev\.example\.com"]},
    {"origins": "*"},
    {"origins": "*", "supports_credentials": True},
    {"supports_credentials": True},
    {"resources": {r"/api/*": {"origins": "*"}}},
    {"resources": {r"/*": {"origins": "*"}}},
    {"resources": {r"/*": {"origins": "*"}}, "supports_credentials": False},
    {"resources": {r"/api/v1/*": {"origins": "*"}}},
    {"resources": {r"/*": {"origins": "http://localhost:5173"}}, "supports_credentials": True},
    {"resources": {r"/*": {"origins": "http://localhost:3000"}}},
    {"resources": {r"*": {"origins": "https://app-dev.example.com", "supports_credentials": True}}},
    {"resources": {r"/predict": {"origins": "https://challenge-shop.vercel.app/chat"}}},
    {
        "resources": {
            r"/status": {"origins": "*"},
            r"/music": {"origins": "*"},
            r"/action/*": {"origins": "*"},
            r"/window/*": {"origins": "*"},
        }
    },
    {"resources": r"/api/*"},
    {"resources": r"/*"},
    {"resources": r"*"},
    {"resources": r"/api/*", "headers": "Content-Type"},
    {"resources": [r"/stac/*", r"/api/*"]},
    {"resources": [r"/api/*", r"/i/*", r"/s/*"]},
    {"resources": ["/login", "/signup"], "CORS_HEADERS": "*"},
    {"resources": [r"/predict"], "origins": ["http://localhost:3000"], "CORS_HEADERS": "application/json"},
    {"resources": [r"/files/*"], "origins": "http://localhost:8000"},
    {"resources": ["*"], "allow_headers": ["*"], "methods": ["GET", "POST", "PUT", "DELETE"]},
    {"resources": [r"/file", r"/table"]},
    {"origins": [r"http://localhost:\d+", r"http://127\.0\.0\.1:\d+"]},
    {"origins": [r"^https?://(192.168.1.21|localhost):*"]},
    {
        "origins": [r"https://.*\.run\.app", "http://localhost:3000", "http://localhost:5173"],
        "supports_credentials": True,
    },
    {"origins": [r"http://localhost:\d+"]},
    {"origins": [r"https://.*\.lovable\.app", r"https://.*\.lovableproject\.com"]},
    {"origins": [r"http://localhost:*", r"http://127.0.0.1:*"]},
    {"origins": [r"http://localhost(:\d+)?", r"http://127\.0\.0\.1(:\d+)?", r"https?://.*\.localhost(:\d+)?"]},
    {"origins": [r"https://app.example.com", r"http://localhost:8080"], "supports_credentials": True},
    {
        "resources": {
            r"/qr/*": {
                "origins": ["http://localhost:3000", re.compile(r"^https://.*\.vercel\.app$")],
                "methods": ["GET", "POST", "OPTIONS"],
                "allow_headers": TYPED,
                "supports_credentials": False,
            }
        }
    },
    {
        "origins": [
            re.compile(r"^https?://localhost(:\d+)?$"),
            re.compile(r"^https?://127\.0\.0\.1(:\d+)?$"),
            re.compile(r"^https://.*\.vercel\.app$"),
        ],
        "supports_credentials": True,
    },
    {"resources": {r"/*": {"origins": re.compile(r"^https?://[^/]+\.example\.com$")}}},
    {
        "resources": {r"/api/*": {"origins": re.compile(r"https?://(localhost|127\.0\.0\.1)(:\d+)?")}},
        "supports_credentials": True,
    },
    {
        "resources": {
            r"/*": {
                "origins": re.compile(r"https://.*\.(example\.us|example\.com)$"),
                "methods": EACH,
                "allow_headers": TYPED,
            }
        }
    },
    {"resources": {r"/*": {"origins": re.compile(".*")}}},
    {"resources": {r"/*": {"origins": re.compile(r"^.*$")}}, "supports_credentials": True},
    {
        "resources": {
            r"/api/*": {"origins": re.compile(r"^https?://(localhost:5173|your-production-domain\.com)(:\d+)?$")}
        }
    },
    {"resources": {r"/api/*": {"origins": re.compile(r"^http://(localhost|127\.0\.0\.1):517\d$")}}},
    {
        "origins": [
            "https://shop-frontend.vercel.app",
            re.compile(r"^https://shop-frontend-.*\.vercel\.app$"),
            re.compile(r"^https://.*-ada-projects-8be31e4e\.vercel\.app$"),
        ],
        "methods": [*EACH, "PATCH"],
        "allow_headers": [*TYPED, "Access-Control-Allow-Origin", "X-Requested-With"],
    },
    {"CORS_ORIGINS": ["*"], "CORS_HEADERS": ["Content-Type"]},
    {"CORS_RESOURCES": {r"/*": {"origins": "*"}}, "CORS_HEADERS": "Content-Type"},
    {
        "CORS_ORIGINS": "/*",
        "CORS_SEND_WILDCARD": True,
        "CORS_ALLOW_HEADERS": "*",
        "CORS_EXPOSE_HEADERS": "*",
        "CORS_SUPPORTS_CREDENTIALS": True,
    },
    {
        "CORS_ORIGINS": ["http://localhost:8081", "exp://192.168.*.*:*", "http://192.168.*.*:*", "*"],
        "CORS_ALLOW_HEADERS": "*",
        "CORS_ALLOW_METHODS": ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        "CORS_SUPPORTS_CREDENTIALS": True,
        "CORS_EXPOSE_HEADERS": [*TYPED, "Access-Control-Allow-Origin"],
        "CORS_MAX_AGE": 600,
    },
    {
        "CORS_ORIGINS": ["https://app.example.com"],
        "CORS_METHODS": ["GET", "POST", "PUT", "DELETE"],
        "CORS_ALLOW_HEADERS": TYPED,
        "CORS_EXPOSE_HEADERS": ["Content-Range", "X-Total-Count"],
    },
    {"CORS_ALLOW_HEADERS": "Accept", "CORS_RESOURCES": {r"/aura/*": {"origins": ["https://app.example.com"]}}},
    {
        "resources": {
            r"/api/*": {
                "origins": "*".split(","),
                "supports_credentials": True,
                "allow_headers": TYPED,
                "methods": EACH,
            }
        }
    },
    {
        "resources": {
            r"/*": {"origins": LOCAL[2:], "methods": EACH, "allow_headers": TYPED, "supports_credentials": True}
        }
    },
    {
        "supports_credentials": True,
        "allow_headers": ["*"],
        "resources": ["*"],
        "origins": ["http://localhost:8002", "http://localhost:3000"],
    },
    {
        "resources": {
            r"/api/*": {
                "origins": ["http://localhost:3000"],
                "methods": [*EACH, "PATCH"],
                "allow_headers": TYPED,
                "supports_credentials": True,
                "expose_headers": TYPED,
            }
        },
        "supports_credentials": True,
    },
    {
        "resources": {
            r"/*": {
                "origins": ["*"],
                "methods": EACH,
                "allow_headers": [*TYPED, "X-CSRF-TOKEN", "X-Device-ID"],
                "supports_credentials": True,
                "max_age": 86400,
            }
        }
    },
    {"expose_headers": ["Content-Disposition"]},
    {"expose_headers": "Access-Control-Allow-Origin"},
    {"expose_headers": "Authorization"},
    {"expose_headers": ["api_key"]},
    {"expose_headers": ["x-suggested-filename"], "resources": {r"/*": {"origins": "*"}}},
    {"origins": "*", "allow_credentials": True},
    {"origins": ["https://app.example.com"], "allow_credentials": True},
    {"methods": ["GET", "PUT", "DEL", "POST"], "supports_credentials": True},
    {"methods": ["DELETE"]},
    {"methods": ["GET", "POST", "PUT", "DELETE"], "resources": {r"/api/*": {"origins": "*"}}},
    {"methods": ["GET"]},
    {"methods": ["GET", "POST", "OPTIONS"], "allow_headers": TYPED},
    {
        "allow_headers": [
            "Content-Type",
            "Access-Control-Allow-Origin",
            "Access-Control-Allow-Headers",
            "Access-Control-Allow-Methods",
        ]
    },
    {"allow_headers": "*"},
    {"allow_headers": "Content-Type"},
    {"allow_headers": "application/json"},
    {
        "allow_headers": ["Origin", "Content-Type", "Cache-Control", "X-Requested-With"],
        "supports_credentials": True,
        "origins": ["https://app.example.com", "https://www.example.com/"],
    },
    {"allow_headers": ["Content-Type", "X-API-Key"]},
    {
        "resources": {r"/api/*": {"origins": [*LOCAL, ""]}},
        "supports_credentials": True,
        "allow_headers": [*TYPED, "X-Correlation-ID", "X-Request-ID"],
        "expose_headers": ["X-Correlation-ID", "X-Request-ID"],
    },
    {
        "supports_credentials": True,
        "origins": LOCAL,
        "allow_headers": [*TYPED, "X-Admin-Token"],
        "methods": EACH,
    },
    {"origins": ["http://app.example.com", "https://app.example.com"], "supports_credentials": True},
    {"origins": ["https://app.example.com", "app.example.com", "localhost:3000"]},
    {"origins": "http://localhost:3000, https://app.example.com"},
    {"origins": ["https://*.example.com", "http://localhost:*"], "supports_credentials": True},
    {
        "resources": {
            r"/api/*": {"origins": ["https://app.example.com"], "supports_credentials": True},
            r"/public/*": {"origins": "*"},
        }
    },
    {"resources": {r"/api/.*": {"origins": ["https://app.example.com"]}, r"/.*": {"origins": "*"}}},
    {"resources": {r"^/(api|auth)/.*$": {"origins": ["https://app.example.com"]}}},
    {"origins": ["null", "https://app.example.com"]},
    {"origins": [], "supports_credentials": True},
]

# One application with several calls: on separate paths, and on the same paths.
APART = [
    [
        {"resources": {r"/api/*": {"origins": ["https://app.example.com"]}}},
        {"resources": {r"/hooks/*": {"origins": ["https://partner.example"]}}, "methods": ["POST"]},
    ],
    [{"resources": r"/api/*"}, {"resources": [r"/files/*", r"/music/x"], "origins": LOCAL[:1]}],
]
MEETING = [
    [{}, {"resources": {r"/api/*": {"origins": LOCAL[:2], "supports_credentials": True}}}],
    [{"resources": {r"/*": {"origins": "*"}}}, {"expose_headers": "Authorization"}],
    [{"resources": r"/api/*"}, {"resources": r"/api/v1/*", "origins": LOCAL[:1]}],
    [{"resources": r"/api/*"}, {"resources": r"/(?!api).*", "origins": LOCAL[:1]}],
]

# The prefix of a blueprint, the prefix at its registration (if any), and the keywords of CORS(blueprint, ...).
BLUEPRINTS = [
    (None, "/api/v1/bands", {"origins": ["http://localhost:3000"], "supports_credentials": True}),
    (None, None, {"automatic_options": True, "send_wildcard": False, "supports_credentials": True}),
    (None, None, {}),
    (None, "/schedules", {"max_age": timedelta(days=10)}),
    ("/api", None, {}),
    ("/chatapi/v1", None, {"origins": "http://localhost:3000"}),
    (None, None, {"resources": {r"/chat*": {"origins": ["https://app.example.com"]}}}),
    ("/api", None, {"resources": {r"/*": {"origins": "*"}}}),
    (None, "/media", {"origins": ["*"], "methods": EACH, "allow_headers": [*TYPED, "X-API-Key"]}),
    ("/api/presentation", None, {"origins": ["http://127.0.0.1:*"], "supports_credentials": True}),
    ("/user", None, {"resources": {r"/foo": {"origins": "http://localhost:3000"}}}),
    ("/api/v1/invoices", None, {"resources": {r"/api/v1/invoices/*": {"origins": "*"}}, "supports_credentials": True}),
    (
        "/api",
        None,
        {"resources": {r"/api/token": {"origins": ["https://app.example.com"]}, r"/upload": {"origins": "*"}}},
    ),
]

# The keywords of @cross_origin(...).
VIEWS = [
    {},
    {"methods": ["GET"]},
    {"origins": "http://localhost:5173"},
    {"origin": "*", "headers": ["Content-Type"]},
    {"origins": ["http://localhost:5173"], "methods": ["POST"], "allow_headers": ["Content-Type"]},
    {"origins": "http://127.0.0.1:8000", "supports_credentials": True},
    {"origins": ["*"], "methods": ["POST", "OPTIONS"], "allow_headers": TYPED},
    {"origins": ["https://app.example.com"]},
    {"origins": ["*"], "allow_headers": ["firebase-instance-id-token", "content-type", "authorization"]},
    {"supports_credentials": True},
    {"methods": ["POST"]},
    {"methods": ["POST", "OPTIONS"], "supports_credentials": True},
    {"methods": ["GET", "HEAD", "OPTIONS"], "origins": ["*"]},
    {"methods": ["POST"], "supports_credentials": True, "headers": TYPED, "origin": "http://127.0.0.1:3000"},
    {"allow_headers": ["Content-Type"]},
    {"allow_headers": "*"},
    {"allow_headers": "Authorization, Content-Type"},
    {"allow_headers": ["Accept", "Content-Type", "X-Requested-With"]},
    {"origin": "localhost", "headers": ["Authorization"]},
]

# The CORS_* settings of django-cors-headers, without this prefix.
DJANGO = [
    {
        "ORIGIN_REGEX_WHITELIST": (
            r"^(https?://)?(www\.|app\.)?example\.com",
            r"^https://shop-([a-z_0-9]*)\.example\.org$",
        )
    },
    {"ALLOW_ALL_ORIGINS": True},
    {"ALLOW_ALL_ORIGINS": True, "ALLOW_CREDENTIALS": True, "ALLOWED_ORIGINS": LOCAL},
    {
        "ALLOW_ALL_ORIGINS": True,
        "ALLOW_CREDENTIALS": True,
        "ALLOWED_ORIGINS": ["http://localhost:3000", "http://127.0.0.1:3000"],
        "ALLOWED_ORIGIN_REGEXES": [r"^https:\/\/.*\.vercel\.app$", r"^https:\/\/.*\.example\.com$"],
    },
    {"ALLOWED_ORIGINS": ["https://shop.github.io"], "ALLOWED_ORIGIN_REGEXES": [r"^https://.*\.github\.io$"]},
    {
        "ALLOWED_ORIGIN_REGEXES": [
            r"^https://.*\.vercel\.app$",
            r"^https://shop-ordering-platform.*\.vercel\.app$",
        ],
        "ALLOW_CREDENTIALS": True,
    },
    {
        "ALLOWED_ORIGINS": ["https://frontend-dql2.vercel.app"],
        "ALLOWED_ORIGIN_REGEXES": [r"^https:\/\/frontend-dql2-.*\.vercel\.app$"],
        "ALLOW_HEADERS": THEIRS,
        "ALLOW_METHODS": ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"],
        "VARY_HEADER": True,
    },
    {
        "ALLOWED_ORIGIN_REGEXES": [
            r"^https?://localhost:\d+$",
            r"^localhost:\d+$",
            r"^.*\.localhost:\d+$",
            r"^https?://example.com",
        ]
    },
    {"ALLOWED_ORIGIN_REGEXES": [r".*\.example\.com.*"], "ALLOW_CREDENTIALS": True},
    {
        "ALLOW_CREDENTIALS": True,
        "ALLOWED_ORIGIN_REGEXES": [
            r"^https://.*\.vercel\.app$",
            r"^https://.*\.up\.railway\.app$",
            r"^http://localhost:\d+$",
            r"^http://127\.0\.0\.1:\d+$",
        ],
        "ALLOWED_ORIGINS": ["http://localhost:3000", "https://conflux-psi.vercel.app"],
    },
    {
        "ALLOW_CREDENTIALS": True,
        "ALLOW_ALL_ORIGINS": False,
        "ALLOWED_ORIGINS": ["http://localhost:5173", "https://shop-app.vercel.app", "https://www.example.com"],
        "ALLOWED_ORIGIN_REGEXES": [r"^https://.*\.example\.com$", r"^http://10\.\d+\.\d+\.\d+$"],
    },
    {"ORIGIN_WHITELIST": ["https://shop.azurewebsites.net"]},
    {
        "URLS_REGEX": r"^/api.*",
        "ORIGIN_ALLOW_ALL": False,
        "ALLOW_CREDENTIALS": True,
        "ORIGIN_WHITELIST": "https://app.example.com https://www.example.com".split(" "),
    },
    {
        "ORIGIN_ALLOW_ALL": True,
        "ALLOWED_ORIGINS": ["http://localhost:8000"],
        "ALLOW_HEADERS": ("content-type", "accept", "origin", "Authorization"),
        "ALLOW_METHODS": ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"),
    },
    {"ORIGIN_WHITELIST": ("http://127.0.0.1:8080", "http://localhost:8080", "http://shop.example.com")},
    {"ORIGIN_WHITELIST": ("app.example.com", "https://app.example.com"), "ALLOW_CREDENTIALS": True},
    {"ORIGIN_WHITELIST": ["https://app.example.com"], "ALLOW_ORIGINS_ALL": True, "ALLOW_CREDENTIALS": True},
    {"ALLOW_CREDENTIALS": True, "ORIGIN_ALLOW_ALL": True, "ORIGIN_WHITELIST": ("*",)},
    {"ORIGIN_WHITELIST": ["http://localhost:3000", "https://server.example.com/"]},
    {
        "ALLOW_CREDENTIALS": True,
        "ORIGIN_ALLOW_ALL": False,
        "ALLOW_INSECURE": False,
        "ALLOW_HEADERS": (*THEIRS, "use-jwt-cookie"),
        "ORIGIN_WHITELIST": [],
    },
    {
        "ORIGIN_ALLOW_ALL": True,
        "ALLOW_METHODS": ("GET", "OPTIONS"),
        "URLS_REGEX": r"^(/api/.*|.*\.json|.*/json/?)$",
    },
    {"ORIGIN_ALLOW_ALL": True, "URLS_REGEX": r"^/api/.*$"},
    {"ALLOWED_ORIGINS": ["https://app.example.com"], "URLS_REGEX": r"^/api/.*$", "ALLOW_CREDENTIALS": True},
    {"ORIGIN_ALLOW_ALL": False, "ORIGIN_WHITELIST": ("localhost:9000",), "URLS_REGEX": r"^/api/.*$"},
    {"URLS_REGEX": r"^api/.*$", "ALLOWED_ORIGINS": ["https://app.example.com"]},
    {"URLS_REGEX": r"^/hidden/secure/pulse/api/.*$", "ALLOW_ALL_ORIGINS": True},
    {"ORIGIN_ALLOW_ALL": True, "URLS_REGEX": r"^/(?:api|user/oauth)/.*"},
    {
        "ALLOW_CREDENTIALS": True,
        "ALLOWED_ORIGIN_REGEXES": [r"^https://app.example.com$", r"^https?://localhost(:\d+)?$"],
        "URLS_REGEX": r"^/api/.*$",
    },
    {"ALLOWED_ORIGIN_REGEXES": [r"^$"], "ALLOW_CREDENTIALS": True, "URLS_REGEX": r"^/api/.*$"},
    {"ALLOW_ALL_ORIGINS": True, "ALLOW_HEADERS": "*", "ALLOW_CREDENTIALS": True},
    {"ORIGIN_ALLOW_ALL": True, "ORIGIN_ALLOW_HEADER": THEIRS, "ALLOW_HEADERS": "*"},
    {"ALLOW_ALL_ORIGINS": True, "ALLOW_METHODS": EACH, "ALLOW_HEADERS": ["*"]},
    {"ALLOW_ALL_ORIGINS": "True"},
    {"ALLOW_ALL_ORIGINS": ["https://shop-project.vercel.app"]},
    {"ALLOWED_ORIGINS": ["*"]},
    {"ALLOWED_ORIGINS": ("*"), "ALLOW_HEADERS": ("*")},
    {"ALLOWED_ORIGINS": ("http://localhost:3000", "http://127.0.0.1:8080")},
    {
        "ORIGIN_ALLOW_ALL": True,
        "ALLOW_CREDENTIALS": True,
        "ORIGIN_WHITELIST": ("http://localhost:3000", "test.example.com"),
        "ORIGIN_REGEX_WHITELIST": (r"^(https?://)?(\w+\.)?example\.com$",),
        "ALLOW_HEADERS": ("x-requested-with", "content-type", "accept", "origin", "authorization", "x-csrftoken"),
    },
    {"ORIGIN_REGEX_WHITELIST": (r"^(https?://)?(\w+\.)?1shop\.example\.com$",)},
    {"ORIGIN_WHITELIST": ("localhost:4200",), "ORIGIN_REGEX_WHITELIST": ("localhost:4200",)},
    {
        "ORIGIN_WHITELIST": ["example.org", "www.example.org", "staging.example.org"],
        "ORIGIN_REGEX_WHITELIST": (r"^(https?:\/\/)?(\w+\.)?(.*)?example-org\.netlify\.com\/?$",),
    },
    {"ORIGIN_WHITELIST": ("http://localhost:8080",), "ORIGIN_REGEX_WHITELIST": ("http://localhost:8080",)},
    {
        "ALLOW_CREDENTIALS": True,
        "ORIGIN_REGEX_WHITELIST": (
            r"^(https?://)?(\w*-*\w*\.+)*example\.com$",
            r"^(https?://)?(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d{4})?$",
        ),
    },
    {"ORIGIN_REGEX_WHITELIST": ("^(https?://)(0.0.0.0|127.0.0.1|localhost):4200$",)},
    {"ORIGIN_REGEX_WHITELIST": ("^.*$",), "ALLOW_CREDENTIALS": True},
    {
        "ORIGIN_REGEX_WHITELIST": (r"^http://(.+)\.example\.org$", r"^https://(.+)\.example\.org$"),
        "ALLOW_CREDENTIALS": True,
    },
    {"ORIGIN_WHITELIST": ("http://localhost:4200/",), "ORIGIN_REGEX_WHITELIST": ("http://localhost:4200/",)},
    {
        "ALLOWED_ORIGINS": ["http://localhost:4200"],
        "ALLOW_CREDENTIALS": True,
        "ALLOW_METHODS": [*EACH, "PATCH"],
        "ALLOW_HEADERS": ["content-type"],
    },
    {
        "ALLOWED_ORIGINS": ["https://shop-gules-iota.vercel.app", "https://shop.netlify.app", *LOCAL],
        "ALLOW_CREDENTIALS": True,
        "ALLOW_ALL_HEADERS": True,
        "PREFLIGHT_MAX_AGE": 86400,
        "EXPOSE_HEADERS": TYPED,
    },
    {
        "ALLOWED_ORIGINS": ["https://word.officeapps.live.com", "https://app.example.com"],
        "ALLOWED_ORIGIN_REGEXES": [
            r"^https://.*\.officeapps\.live\.com$",
            r"^https://.*\.sharepoint\.com$",
            r"^https://.*\.cloudpub\.ru$",
        ],
        "ALLOW_METHODS": ["GET", "POST", "OPTIONS"],
        "ALLOW_HEADERS": ["content-type", "authorization", "x-requested-with", "ngrok-skip-browser-warning"],
        "EXPOSE_HEADERS": [],
        "ALLOW_CREDENTIALS": False,
    },
    {
        "ALLOWED_ORIGINS": ["https://example.com", "http://localhost:5000"],
        "EXPOSE_HEADERS": ["Content-Type", "X-CSRFToken"],
        "ALLOW_CREDENTIALS": True,
    },
    {
        "ALLOWED_ORIGINS": ["https://localhost:5500", "http://127.0.0.1:5500", "https://final-frontend-domain.com"],
        "EXPOSE_HEADERS": ["content-type", "content-disposition", "content-length", "cache-control", "etag"],
        "ALLOW_HEADERS": [*THEIRS, "cache-control", "pragma"],
    },
    {
        "ALLOWED_ORIGINS": ["http://localhost:3000"],
        "ALLOWED_METHODS": ["DELETE", "GET"],
        "ALLOWED_HEADERS": THEIRS,
        "PREFLIGHT_MAX_AGE": 0,
    },
    {
        "ALLOWED_ORIGINS": ["http://localhost:3000"],
        "ALLOW_ORIGIN_REGEX": r"^(https?:\/\/)?localhost(:[0-9]+)?$",
        "ALLOW_PUBLIC": True,
        "ALLOW_PRIVATE_NETWORK": True,
    },
    {"ALLOWED_ORIGINS": ["https://app.example.com"], "URLS_REGEX": r"^/(api|users/api)/.*$", "ALLOW_CREDENTIALS": True},
    {"ALLOWED_ORIGINS": ["https://app.example.com"], "URLS_REGEX": r"^/(api)/.*$"},
    {
        "ALLOW_ALL_ORIGINS": True,
        "URLS_REGEX": r"^/(api/submissions/|api/widgets/[0-9a-fA-F-]{36}/config/|widget\.js)$",
    },
    {"ORIGIN_ALLOW_ALL": True, "URLS_REGEX": r"^/(api|ws)/?.*$"},
    {
        "ORIGIN_ALLOW_ALL": True,
        "URLS_REGEX": r"^/(api/|oma/hog(s|data)?/\w*/(orthoxml|json)/$)",
        "ALLOW_METHODS": ("GET",),
    },
    {"ALLOWED_ORIGINS": ["https://app.example.com"], "URLS_REGEX": r"^/(?!public/).*$", "ALLOW_CREDENTIALS": True},
    {"ALLOWED_ORIGIN_REGEXES": [r"^https://[a-zA-Z0-9-]+\.up\.railway\.app$"]},
    {
        "ALLOWED_ORIGIN_REGEXES": (r"^(https?:\/\/)?((localhost)|(127\.0\.0\.1)):\d{4}"),
        "ALLOW_CREDENTIALS": True,
        "ORIGIN_ALLOW_ALL": True,
    },
    {
        "ALLOWED_ORIGINS": ("https://www.example.com",),
        "ALLOWED_ORIGIN_REGEXES": (r"^https://deploy-preview-\d+--shopapp.netlify.app$",),
    },
    {
        "ALLOWED_ORIGINS": ["http://localhost:8080"],
        "ALLOWED_ORIGIN_REGEXES": [
            r"^https?://localhost(?::\d+)?$",
            r"^https?://\[::1\](?::\d+)?$",
            r"^https?://10(?:\.\d{1,3}){3}(?::\d+)?$",
        ],
    },
    {
        "ALLOWED_ORIGINS": ["http://localhost:5173"],
        "ALLOWED_ORIGIN_REGEXES": [
            r"^https?://(localhost|127\.0\.0\.1)(:\d+)?$",
            r"^https?://192\.168\.\d{1,3}\.\d{1,3}(:\d+)?$",
        ],
        "ALLOW_CREDENTIALS": True,
    },
    {"ALLOWED_ORIGINS": "".split(","), "ALLOW_CREDENTIALS": True},
]

# The keywords of CORSMiddleware of Starlette.
STARLETTE = [
    {"allow_origins": ["*"]},
    {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"]},
    {"allow_origins": ["*"], "allow_credentials": True, "allow_methods": ["*"], "allow_headers": ["*"]},
    {
        "allow_origin_regex": r"http://(localhost|127\.0\.0\.1):\d+",
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {
        "allow_origins": [],
        "allow_origin_regex": (
            r"^https?://(?:(?:localhost|127\.0\.0\.1)|10\.\d{1,3}\.\d{1,3}\.\d{1,3}"
            r"|172\.(?:1[6-9]|2\d|3[0-1])\.\d{1,3}\.\d{1,3}|192\.168\.\d{1,3}\.\d{1,3})(?::\d+)?$"
        ),
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "allow_credentials": True,
    },
    {
        "allow_origins": ["http://localhost:3000"],
        "allow_origin_regex": r"^https?://(localhost|127\.0\.0\.1)(:\d+)?$",
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {
        "allow_origins": LOCAL,
        "allow_origin_regex": r"https://.*\.vercel\.app",
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "expose_headers": ["*"],
    },
    {
        "allow_headers": ["X-Example", "Content-Type"],
        "allow_origin_regex": "https://.*",
        "allow_credentials": True,
    },
    {"allow_origin_regex": r"^https?://.+$", "allow_credentials": True, "allow_methods": ["*"], "allow_headers": ["*"]},
    {
        "allow_origins": ["https://app.example.com", "http://localhost"],
        "allow_origin_regex": r"https://.*\.onrender\.com",
        "allow_credentials": True,
        "allow_methods": ["GET", "POST", "PUT", "DELETE", "PATCH"],
        "allow_headers": ["*"],
    },
    {
        "allow_origins": ["http://127.0.0.1:4173", "http://localhost:4173"],
        "allow_methods": ["GET", "POST"],
        "allow_headers": ["Content-Type"],
    },
    {
        "allow_origins": ["https://app.example.com"],
        "allow_methods": ["GET", "POST"],
        "allow_headers": ["Last-Event-ID"],
    },
    {"allow_origins": ["https://app.example.com"], "allow_methods": [*EACH], "allow_headers": ["*"]},
    {
        "allow_origins": ["http://localhost:3000"],
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {
        "allow_origins": ["https://app.example.com"],
        "allow_origin_regex": r"https://.*\.vercel\.app|https://.*\.netlify\.app",
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {
        "allow_origins": ["https://shop-frontend.netlify.app"],
        "allow_origin_regex": r"https://.*\.(onrender\.com|vercel\.app|netlify\.app)$",
        "allow_methods": ["*"],
    },
    {
        "allow_origin_regex": r"https://.*\.(loca\.lt|trycloudflare\.com)",
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {"allow_origin_regex": r"^https://[a-z0-9-]+\.ngrok-free\.app$", "allow_methods": ["*"], "allow_headers": ["*"]},
    {"allow_origin_regex": r"https:\/\/shop-goos-.+\.herokuapp\.com", "allow_credentials": True},
    {
        "allow_origins": ["https://bus-six.vercel.app"],
        "allow_origin_regex": r"https?://.*",
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {"allow_origin_regex": r"https?://(localhost|127\.0\.0\.1|.*\.ts\.net)(:\d+)?", "allow_methods": ["*"]},
    {"allow_origin_regex": r"^https://([a-z0-9-]+\.)?example\.com$", "allow_credentials": True},
    {"allow_origin_regex": r"http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]+", "allow_methods": ["*"]},
    {
        "allow_origin_regex": (
            r"(https?://localhost(:\d+)?|https?://127\.0\.0\.1(:\d+)?|https://.*\.ngrok(?:-free)?\.(?:app|io))"
        ),
    },
    {"allow_origin_regex": r"https://taskflow-frontend-[\w-]+\.vercel\.app", "allow_methods": ["*"]},
    {"allow_origin_regex": r"^https://tenda-[a-z0-9-]+\.vercel\.app$", "allow_credentials": True},
    {"allow_origin_regex": r"^chrome-extension://.*", "allow_methods": ["GET", "POST"]},
    {"allow_origin_regex": r"https://.*\.(vercel\.app|app\.github\.dev)$"},
    {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"], "expose_headers": ["Content-Disposition"]},
    {
        "allow_origins": ["*"],
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
        "expose_headers": ["*"],
        "max_age": 3600,
    },
    {
        "allow_origins": ["https://app.example.com"],
        "allow_credentials": True,
        "allow_methods": [*EACH, "PATCH"],
        "allow_headers": ["*"],
        "expose_headers": ["X-Correlation-ID", "X-Response-Time-Ms"],
        "max_age": 600,
    },
    {"allow_origins": ["http://localhost:*", "http://127.0.0.1:*", "null"], "allow_methods": ["*"]},
    {
        "allow_origins": ["http://localhost:*"],
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {"allow_origins": ["https://*.vercel.app"], "allow_credentials": True, "allow_methods": ["*"]},
    {
        "allow_origins": ["http://localhost:*", "http://127.0.0.1:*"],
        "allow_origin_regex": r"https?://(localhost|127\.0\.0\.1)(:\d+)?",
        "allow_credentials": True,
        "allow_methods": ["*"],
        "allow_headers": ["*"],
    },
    {
        "allow_origins": "*",
        "allow_credentials": True,
        "allow_methods": ["GET", "POST", "DELETE"],
        "allow_headers": ["*"],
    },
    {"allow_origins": "*", "allow_methods": ["*"], "allow_headers": ["*"]},
    {"allow_origins": ["https://app.example.com/", "app.example.com"], "allow_methods": ["POST"]},
    {"allow_origins": ["http://app.example.com"], "allow_credentials": True, "allow_methods": ["*"]},
]
