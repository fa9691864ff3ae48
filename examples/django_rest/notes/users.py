"""
The one user of this example.
"""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

_USER = User(pk=1, username="ann")


class OneUser(BaseBackend):
    """
    Knows one user, without a database.
    """

    def authenticate(self, _request: HttpRequest | None, **credentials: Any) -> User | None:  # noqa: ANN401 - Django's
        """
        Return the user if name and password are right.
        """
        is_right = (credentials.get("username"), credentials.get("password")) == ("ann", "only an example")
        return _USER if is_right else None

    def get_user(self, user_id: int) -> User | None:
        """
        Return the user of a session.
        """
        return _USER if user_id == _USER.pk else None
