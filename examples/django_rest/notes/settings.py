"""
The settings. The middleware is the first one in the list, and the policy is at the end of the file.
"""

import os

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

SECRET_KEY = "only an example"  # noqa: S105 - a real project reads it from its environment
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "corsguard_django"]
MIDDLEWARE = [
    "corsguard_django.middleware.CORSMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "notes.urls"
# A real project has users in a database. This one has one user, and keeps the session in a signed cookie.
AUTHENTICATION_BACKENDS = ["notes.users.OneUser"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

# For a page on another site, both cookies need SameSite=None and Secure: SESSION_COOKIE_SAMESITE, SESSION_COOKIE_SECURE
# and the same with CSRF_.
CSRF_TRUSTED_ORIGINS = [PAGE_ORIGIN]
CORSGUARD = {
    "allow_origins": [PAGE_ORIGIN],
    "allow_methods": ["GET", "POST", "PATCH"],
    "allow_headers": ["Content-Type", "X-CSRFToken"],
    "allow_credentials": True,
}
