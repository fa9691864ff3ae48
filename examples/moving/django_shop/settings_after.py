"""
The settings of a small shop on corsguard.

The output of `python -m django check` for settings_before.py is pasted at the end, except that one `#` was removed,
because all of `pr-*.example.com` is ours.
"""

SECRET_KEY = "only an example"  # noqa: S105 - nothing is signed with it
ALLOWED_HOSTS = ["api.example.com", "localhost"]
ROOT_URLCONF = "shop"
INSTALLED_APPS = ["corsheaders", "corsguard_django"]
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
]

# In place of the CORS_* settings of settings_before.py, at the end of settings_before.py. Each
# difference has its reason.
# Preflights are answered with 204, and preflights from other origins with 403. Both were 200.
CORSGUARD = {
    "paths": {
        # CORS_URLS_REGEX: r"^/api/.*$" is read as "/api".
        "/api": {
            "allow_origins": [
                # CORS_ALLOWED_ORIGIN_REGEXES: r"^https://.*\.staging\.example\.com" is read as
                # "https://*.staging.example.com". It also covered https://a.staging.example.com.evil.example and
                # https://a.staging.example.com:8443, which are left out.
                # CORS_ALLOWED_ORIGIN_REGEXES: r"^https://pr-\d+\.example\.com$" is not exactly any pattern.
                # "https://pr-*.example.com" would also cover https://pr-a.example.com, which the expression does
                # not cover. If everything that it covers is yours, remove the #:
                "https://pr-*.example.com",
                "https://app.example.com",
                "http://localhost:3000",
                "https://*.staging.example.com",
            ],
            "allow_methods": [
                # CORS_ALLOW_METHODS: OPTIONS is left out; only a page that itself sends OPTIONS needs it.
                "DELETE",
                "GET",
                "PATCH",
                "POST",
                "PUT",
            ],
            "allow_headers": [
                "accept",
                "authorization",
                "content-type",
                "user-agent",
                "x-csrftoken",
                "x-requested-with",
            ],
            "expose_headers": ["X-Total"],
            "allow_credentials": True,
            # CORS_PREFLIGHT_MAX_AGE: 86400 is reduced to Chromium's maximum; Firefox kept it longer.
            "max_age": 7200,
        },
    },
}
MIDDLEWARE = [
    "corsguard_django.middleware.CORSMiddleware",
    *(name for name in MIDDLEWARE if name != "corsheaders.middleware.CorsMiddleware"),
]
INSTALLED_APPS = [
    "corsguard_django",
    *(name for name in INSTALLED_APPS if name not in {"corsheaders", "corsguard_django"}),
]
