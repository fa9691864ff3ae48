"""
The Django application that adds the system checks. The middleware works without it.
"""

from importlib import import_module

from django.apps import AppConfig


class CORSGuardConfig(AppConfig):
    """
    `corsguard_django` in INSTALLED_APPS.
    """

    name = "corsguard_django"
    verbose_name = "CORS"

    def ready(self) -> None:
        # Importing the checks registers them.
        import_module(".checks", __package__)
