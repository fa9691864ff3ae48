"""
The tenants that may read.
"""

from django.core.exceptions import ValidationError
from django.db import models

from corsguard import Policy, PolicyError


def validate_origin(text: str) -> None:
    """
    Refuse an origin that a policy would refuse, with the same message, before it is in the database.
    """
    try:
        Policy(allow_origins=[text], allow_credentials=True)
    except PolicyError as error:
        raise ValidationError([f"{problem.message} Write {problem.fix}" for problem in error.problems]) from None


class Tenant(models.Model):
    """
    A customer whose own site reads from this one.
    """

    origin = models.CharField(max_length=327, unique=True, validators=[validate_origin])

    def __str__(self) -> str:
        return self.origin

    def save(self, **options: object) -> None:
        """
        Save only valid origins, because one invalid row would stop the refresh of all others.
        """
        self.full_clean()
        super().save(**options)
