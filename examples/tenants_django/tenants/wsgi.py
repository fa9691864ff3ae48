"""
The application for WSGI servers.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenants.settings")
application = get_wsgi_application()

from .sharing import share  # noqa: E402 - models can be imported only after Django is set up

source = share()
