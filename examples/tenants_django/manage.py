"""
Run `python examples/tenants_django/manage.py`, with one of these: tenants of a Django project, in its database.

    python examples/tenants_django/manage.py migrate
    python examples/tenants_django/manage.py shell -c "Tenant.objects.create(origin='https://one.example')"
    python examples/tenants_django/manage.py runserver --noreload localhost:8005
    gunicorn --chdir examples/tenants_django --preload --workers=2 tenants.wsgi:application

Read tenants/sharing.py first. A tenant that is added or removed, in whatever process, is noticed by all of them within
TENANTS_EVERY seconds (30), and at once by the one that saved it.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenants.settings")
    execute_from_command_line(sys.argv)
