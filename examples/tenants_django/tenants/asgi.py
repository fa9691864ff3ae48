"""
The application for ASGI servers.
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenants.settings")
application = get_asgi_application()

from .sharing import share  # noqa: E402 - models can be imported only after Django is set up

source = share()
