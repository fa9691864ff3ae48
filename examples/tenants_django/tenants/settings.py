"""
The settings. There is no CORSGUARD, because the allow list is in the database, which settings cannot read.
"""

import os
from pathlib import Path

SECRET_KEY = "only an example"  # noqa: S105 - nothing is signed with it
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = ["tenants", "corsguard_django"]
MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]
ROOT_URLCONF = "tenants.urls"
WSGI_APPLICATION = "tenants.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("TENANTS_DATABASE", Path(__file__).parent.parent / "tenants.sqlite3"),
    }
}
