"""
Run `python examples/tenants_django/manage.py`, with one of these: tenants of a Django project, in its database.

    python examples/tenants_django/manage.py migrate
    python examples/tenants_django/manage.py shell -c "Tenant.objects.create(origin='https://one.example')"
    python examples/tenants_django/manage.py runserver --noreload localhost:8005
    gunicorn --chdir examples/tenants_django --preload --workers=2 tenants.wsgi:application

Read tenants/sharing.py first. If any process adds or removes a tenant, all processes notice it within TENANTS_EVERY
seconds (30), and the process that saved it notices at once.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenants.settings")
    execute_from_command_line(sys.argv)
