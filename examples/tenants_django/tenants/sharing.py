"""
What is shared with tenants, and when the tenants are loaded.

Only wsgi.py and asgi.py call this, and only servers import them. So no management command reads the table before it
exists.
"""

import os

from django.db import close_old_connections, transaction
from django.db.models.signals import post_delete, post_save

from corsguard import Policy, RefreshingOrigins
from corsguard_django import set_policy

from .models import Tenant


def load() -> list[str]:
    """
    Return the origins of all tenants.
    """
    try:
        return list(Tenant.objects.values_list("origin", flat=True))
    finally:
        # Django does this at the end of a request, but this runs in a thread without requests.
        close_old_connections()


def share() -> RefreshingOrigins:
    """
    From now on, let tenants read from this process.
    """
    source = RefreshingOrigins(load, every=float(os.environ.get("TENANTS_EVERY", "30")))
    set_policy(
        Policy(
            allow_origins=source,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
            allow_credentials=True,
        )
    )

    def refresh(**_: object) -> None:
        transaction.on_commit(source.refresh)

    for saved in (post_save, post_delete):
        saved.connect(refresh, sender=Tenant, weak=False)
    return source
