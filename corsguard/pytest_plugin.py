"""
The pytest fixture `cors_browser`: a Browser on the application under test.

pytest loads this wherever corsguard is installed, so nothing is imported before a test needs it.
"""

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from .browser import Browser


@pytest.fixture
def cors_browser(request: pytest.FixtureRequest) -> "Browser":
    """
    A `corsguard.browser.Browser` on the application: the fixture `app` if there is one, else the Django project.
    """
    from .browser import Browser

    try:
        app = request.getfixturevalue("app")
    except pytest.FixtureLookupError as error:
        if error.argname != "app":
            raise
        app = _django_application()
    return Browser(app)


def _django_application() -> "WSGIApplication":
    if not os.environ.get("DJANGO_SETTINGS_MODULE") and not _django_is_configured():
        pytest.fail(
            "cors_browser found no application. Define a fixture `app` that returns your WSGI or ASGI application, "
            "or, for Django, set DJANGO_SETTINGS_MODULE.",
            pytrace=False,
        )
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def _django_is_configured() -> bool:
    try:
        from django.conf import settings
    except ImportError:
        return False
    return settings.configured
