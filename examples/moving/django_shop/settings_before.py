"""
The settings of a small shop on django-cors-headers.

With "corsguard_django" in INSTALLED_APPS, `python -m django check` prints the new settings, as in settings_after.py.
"""

SECRET_KEY = "only an example"  # noqa: S105 - nothing is signed with it
ALLOWED_HOSTS = ["api.example.com", "localhost"]
ROOT_URLCONF = "shop"
INSTALLED_APPS = ["corsheaders", "corsguard_django"]
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
]

CORS_ALLOWED_ORIGINS = ["https://app.example.com", "http://localhost:3000"]
CORS_ALLOWED_ORIGIN_REGEXES = [
    r"^https://.*\.staging\.example\.com",
    r"^https://pr-\d+\.example\.com$",
]
CORS_ALLOW_CREDENTIALS = True
CORS_EXPOSE_HEADERS = ["X-Total"]
CORS_URLS_REGEX = r"^/api/.*$"
