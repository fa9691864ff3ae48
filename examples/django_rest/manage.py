"""
Run `python examples/django_rest/manage.py runserver --noreload localhost:8012`: Django REST framework with a session.

A page on another origin logs in and reads the CSRF token from a response, because it cannot read the cookie of another
host. Then it sends the token back with a PATCH. Read notes/settings.py first: the policy lists PATCH and `X-CSRFToken`,
and Django trusts the origin.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notes.settings")
    execute_from_command_line(sys.argv)
