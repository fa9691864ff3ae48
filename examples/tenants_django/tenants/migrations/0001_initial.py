"""
The first table.
"""

from django.db import migrations, models

import tenants.models


class Migration(migrations.Migration):
    """
    Create the table of tenants.
    """

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=327, unique=True, validators=[tenants.models.validate_origin])),
            ],
        ),
    )
